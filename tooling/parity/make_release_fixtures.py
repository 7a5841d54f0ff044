"""Records what the reference code of Coconut, CODI and SIM-CoT saves and computes on random weights, for the tests that read
such checkpoints (packages/reasoner/src/releases).

    python tooling/parity/make_release_fixtures.py --coconut DIR --codi DIR --sim-cot DIR

Each DIR is a checkout: github.com/facebookresearch/coconut, zhenyi4/codi, InternLM/SIM-CoT. Their files are run as they are,
but for the device, the precision (float32 throughout) and the number of new tokens; data sets are replaced by the
questions below. Needs torch, transformers, peft, tokenizers.
"""

import argparse
import base64
import copy
import gzip
import importlib
import io
import json
import pathlib
import sys
import tempfile
import types

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, GPT2Config, LlamaConfig, PreTrainedTokenizerFast, Trainer  # noqa: F401: before its data sets are stood in for

target = pathlib.Path(__file__).resolve().parents[2] / "packages/reasoner/fixtures/releases"
NEW_TOKENS = 12
# Pairs of one length in tokens: CODI's evaluation needs two rows at least, and would see padding in a batch.
EXAMPLES = [
    {"question": "Tom has 3 apples and eats 2. How many?", "steps": ["<<3-2=1>>"], "answer": "1"},
    {"question": "Ann has 8 apples and eats 5. How many?", "steps": ["<<8-5=3>>"], "answer": "3"},
    {"question": "A box holds 4 pens.\nBo buys 6 boxes, and loses 7 pens. What is left?", "steps": ["<<4*6=24>>", "<<24-7=17>>"], "answer": "17"},
    {"question": "A box holds 9 pens.\nBo buys 3 boxes, and loses 2 pens. What is left?", "steps": ["<<9*3=27>>", "<<27-2=25>>"], "answer": "25"},
]
CORPUS = [example["question"] + " " + " ".join(example["steps"]) + " ### The answer is: 17" for example in EXAMPLES]
LLAMA_PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def randomise(model, seed, deviation=0.25):
    """Weights of few digits, which take little room when they are packed."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Adapters are multiplied by up to 8: larger ones would magnify the rounding of float32 beyond what is compared.
            values = torch.randn(parameter.shape, generator=generator) * (deviation / 2 if "lora_" in name else deviation)
            if parameter.dim() == 1 and name.endswith("weight"):
                values = values + 1
            parameter.copy_((values * 32).round() / 32)


def make_base(kind, folder):
    special = {"gpt2": ["<|endoftext|>"], "llama": ["<|begin_of_text|>", "<|eot_id|>"]}[kind]
    tokenizer = Tokenizer(models.BPE())
    if kind == "gpt2":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(LLAMA_PATTERN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([text for text in CORPUS for _ in range(3)] + ["?\n"] * 9 + ["<<"] * 30, trainer)
    if kind == "llama":
        tokenizer.post_processor = processors.TemplateProcessing(single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", 0)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=special[-1], bos_token=special[0])
    fast.save_pretrained(folder)
    size = len(fast)
    if kind == "gpt2":
        config = GPT2Config(vocab_size=size, n_embd=16, n_layer=2, n_head=2, n_positions=96, bos_token_id=0, eos_token_id=0, initializer_range=0.2)
    else:
        config = LlamaConfig(
            vocab_size=size, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            max_position_embeddings=96, tie_word_embeddings=True, bos_token_id=0, eos_token_id=1, pad_token_id=None,
        )  # fmt: skip
    model = AutoModelForCausalLM.from_config(config)
    randomise(model, seed=len(kind))
    model.save_pretrained(folder)


def base_files(folder):
    return {path.name: path.read_text() for path in sorted(folder.iterdir()) if path.suffix == ".json"}


def numbers(tensor):
    return [[float(f"{value:.7g}") for value in row] for row in tensor.detach().reshape(-1, tensor.shape[-1]).float().tolist()]


def text_of(state):
    file = io.BytesIO()
    torch.save(state, file)
    return base64.b64encode(file.getvalue()).decode()


def write(name, recorded):
    target.mkdir(parents=True, exist_ok=True)
    path = target / f"{name}.json.gz"
    path.write_bytes(gzip.compress(json.dumps(recorded).encode(), 9, mtime=0))
    print(path.name, path.stat().st_size, "bytes")


class StandInDataset:
    """What the references use of a data set."""

    def __init__(self, rows):
        self.rows = rows
        self.features = dict.fromkeys(rows[0] if rows else [])

    @classmethod
    def from_dict(cls, columns):
        return cls([dict(zip(columns, values)) for values in zip(*columns.values())])

    def map(self, function, **_):
        return StandInDataset([function(row) for row in self.rows])

    def __getitem__(self, index):
        return self.rows[index]

    def __iter__(self):
        return iter(self.rows)

    def __len__(self):
        return len(self.rows)


def stand_in(load_dataset=None):
    module = types.ModuleType("datasets")
    module.Dataset, module.load_dataset, module.concatenate_datasets = StandInDataset, load_dataset, None
    sys.modules["datasets"] = module


def fresh(folder, *names):
    """Makes a checkout's own modules the ones that are imported."""
    for name in [*names, *[loaded for loaded in sys.modules if loaded == "src" or loaded.startswith("src.")]]:
        sys.modules.pop(name, None)
    sys.path[:] = [str(folder), *[path for path in sys.path if path != str(folder)]]
    return [importlib.import_module(name) for name in names]


class WithTuples(torch.nn.Module):
    """The references read and pass caches as pairs of tensors, which transformers 5 no longer does."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, past_key_values=None, **options):
        cache = DynamicCache()
        for layer, (key, value) in enumerate(past_key_values or []):
            cache.update(key, value, layer)
        outputs = self.model(past_key_values=cache, use_cache=True, **options)
        outputs.past_key_values = [(layer.keys, layer.values) for layer in cache.layers]
        return outputs


def record_coconut(name, checkout, base, mode):
    """As run.py puts a model together, saves it and evaluates it."""
    stand_in()
    coconut_module, dataset_module = fresh(checkout, "coconut", "dataset")
    model = AutoModelForCausalLM.from_pretrained(base, attn_implementation="eager")
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.pad_token = tokenizer.eos_token
    for token in ["<|start-latent|>", "<|end-latent|>", "<|latent|>"]:
        tokenizer.add_tokens(token)
    latent_id, start_id, end_id = (tokenizer.convert_tokens_to_ids(token) for token in ["<|latent|>", "<|start-latent|>", "<|end-latent|>"])
    explainable = copy.deepcopy(model)
    model.resize_token_embeddings(len(tokenizer))
    randomise(model, seed=21)
    configs = types.SimpleNamespace(pad_latent_to_max=True, max_latent_stage=2, c_thought=2, uniform_prob=0.0, no_cot=False, training_method="full")
    ids = (latent_id, start_id, end_id, tokenizer.eos_token_id)
    if mode == "cot":
        state = AutoModelForCausalLM.from_pretrained(base).state_dict()
        write(name, {"checkpoint": text_of(state)})
        return
    if mode == "sim-cot":
        randomise(explainable, seed=22)
        reference = coconut_module.CoconutGPT_Same_Word_Embedding(
            model, explainable, tokenizer, *ids, tokenizer.convert_tokens_to_ids("<<"), configs.c_thought, configs
        )
    else:
        reference = coconut_module.Coconut(model, *ids)
    model.eval()
    checkpoint = text_of(reference.state_dict())
    reference.base_causallm = WithTuples(model)
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "data.json"
        path.write_text(json.dumps(EXAMPLES))
        dataset = dataset_module.get_dataset(str(path), tokenizer)
    arguments = (configs.max_latent_stage + 1, dataset, configs, start_id, latent_id, end_id)
    prompts = dataset_module.get_question_latent_dataset(*arguments)
    training = dataset_module.get_cot_latent_dataset(*arguments)
    chains = dataset_module.get_cot_latent_dataset(0, *arguments[1:])
    recorded = {
        "base": base_files(pathlib.Path(base)), "checkpoint": checkpoint, "examples": EXAMPLES,
        "thoughts": configs.max_latent_stage * configs.c_thought, "thoughtsPerStep": configs.c_thought,
        "prompts": [], "inputs": [], "logits": [], "generated": [],
        "training": [{"ids": row["input_ids"], "labels": row["labels"]} for row in training],
        "chains": [{"ids": row["input_ids"], "labels": row["labels"]} for row in chains],
    }  # fmt: skip
    for row in prompts:
        prompt = torch.tensor([row["input_ids"]])
        ones = torch.ones_like(prompt)
        outputs = reference(prompt, ones, prompt, torch.arange(prompt.shape[1]).reshape(1, -1))
        generated = reference.generate(prompt, ones, max_new_tokens=NEW_TOKENS)
        recorded["prompts"].append(row["input_ids"])
        recorded["inputs"].append(numbers(outputs.inputs_embeds[0][prompt[0] == latent_id]))
        recorded["logits"].append(numbers(outputs.logits[0, -1:])[0])
        recorded["generated"].append(generated[0, prompt.shape[1] :].tolist())
    write(name, recorded)


def loosened(from_pretrained):
    """Without arguments that transformers 5 no longer knows, in float32."""

    def load(*arguments, resume_download=None, use_flash_attention_2=None, torch_dtype=None, **options):
        return from_pretrained(*arguments, attn_implementation="eager", dtype=torch.float32, **options)

    return load


def run_source(path, replacements, name):
    source = path.read_text()
    for old, new in replacements.items():
        source = source.replace(old, new)
    module = types.ModuleType(name)
    module.__file__ = str(path)
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


def record_codi(name, checkout, base, alpha, decoder=False, norm=True, lora=True):
    """As train.py lays data out and test.py loads, thinks and answers."""
    rows = [{**example, "answer": f"#### {example['answer']}"} for example in EXAMPLES]
    training = [{"question": example["question"], "cot": " ".join([*example["steps"], "<<last>>"]), "answer": f"#### {example['answer']}"} for example in EXAMPLES]
    stand_in(lambda path, *_: {"train": training, "test": rows})
    (model_module,) = fresh(checkout, "src.model")
    AutoModelForCausalLM.from_pretrained = loosened(original_from_pretrained)
    model_arguments = model_module.ModelArguments(model_name_or_path=str(base), lora_r=4, lora_alpha=alpha, lora_init=True, train=False)
    for option in ("use_decoder", "decoder_path", "soft_weight", "save_ablation"):
        if hasattr(model_module.ModelArguments, option):
            setattr(model_arguments, option, decoder if option == "use_decoder" else None)
    replacements = {'"cuda"': '"cpu"', "'cuda'": "'cpu'", "torch.bfloat16": "torch.float32", '"max_new_tokens": 256': f'"max_new_tokens": {NEW_TOKENS}', "import pdb; pdb.set_trace()": "pass"}
    calls = []

    class Recorded(model_module.CODI):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.codi.register_forward_hook(lambda _, arguments, options, output: calls.append((options, output)), with_kwargs=True)

    with tempfile.TemporaryDirectory() as scratch:
        options = model_module.TrainingArguments(
            output_dir=scratch, num_latent=3, inf_latent_iterations=3, use_prj=True, prj_dim=12, prj_no_ln=not norm, remove_eos=True,
            greedy=True, use_lora=lora, use_cpu=True, report_to=[], include_last_cot=False,
        )  # fmt: skip
        data_arguments = model_module.DataArguments(data_name="gsm8k", batch_size=2)
        test = run_source(checkout / "test.py", replacements, "codi_test")
        test.CODI, test.data_args, test.do_print = Recorded, data_arguments, False
        test.read_json, test.write_json = (lambda _: rows), (lambda *_: None)
        lora_config = test.LoraConfig(
            task_type=test.TaskType.CAUSAL_LM, r=4, lora_alpha=alpha, lora_dropout=0.1, init_lora_weights=True,
            target_modules=["c_attn", "c_proj", "c_fc"] if "gpt2" in str(base) else ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj", "gate_proj"],
        )  # fmt: skip
        model = model_module.CODI(model_arguments, options, lora_config)
        randomise(model, seed=31)
        state = model.state_dict()
        torch.save(state, pathlib.Path(scratch) / "pytorch_model.bin")
        model_arguments.ckpt_dir = scratch
        test.evaluation(model_arguments, data_arguments, options)
        bot, eot, vocabulary = model.bot_id, model.eot_id, model.bot_id - 1
        laid_out = None
        if not decoder:
            train = run_source(checkout / "train.py", replacements, "codi_train")
            captured = {}

            class Capture:
                def __init__(self, **arguments):
                    captured.update(arguments)

                train = save_state = save_model = lambda self, **_: None

            train.CustomTrainer = Capture
            sys.argv = ["train.py", "--output_dir", scratch, "--model_name_or_path", str(base), "--data_name", "icot", "--lora_init", "--lora_r", "4", "--num_latent", "3", "--remove_eos", "True", "--use_cpu", "True", "--report_to", "none"]
            train.train()
            keys = ("encoder_input_ids", "decoder_input_ids", "ref_input_ids", "ref_answer_position", "model_answer_position")
            laid_out = [{key: torch.as_tensor(row[key]).tolist() for key in keys} for row in captured["train_dataset"]]
    recorded = {
        "base": base_files(pathlib.Path(base)), "checkpoint": text_of(state), "examples": EXAMPLES, "thoughts": 3, "loraAlpha": alpha,
        "prompts": [], "inputs": [], "logits": [], "generated": [], "training": laid_out,
    }  # fmt: skip
    while calls:
        question = calls.pop(0)[0]["input_ids"]
        assert not (question == vocabulary).any(), "the questions of a pair differ in length"
        latents = [calls.pop(0)[0]["inputs_embeds"] for _ in range(3)]
        first = calls.pop(0)[1].logits[:, -1]
        steps = [first]
        while calls and "input_ids" not in calls[0][0]:
            steps.append(calls.pop(0)[1].logits[:, -1])
        for row in range(len(question)):
            tokens = [step[row, : vocabulary + 2].argmax().item() for step in steps]
            end = tokens.index(test_eos(base)) + 1 if test_eos(base) in tokens else len(tokens)
            recorded["prompts"].append(question[row].tolist() + [vocabulary] * 3 + [eot])
            recorded["inputs"].append(numbers(torch.stack([latent[row, 0] for latent in latents])))
            recorded["logits"].append(numbers(first[row : row + 1])[0])
            recorded["generated"].append(tokens[:end])
    AutoModelForCausalLM.from_pretrained = original_from_pretrained
    write(name, recorded)


def test_eos(base):
    return AutoTokenizer.from_pretrained(base).eos_token_id


original_from_pretrained = AutoModelForCausalLM.from_pretrained

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("coconut", "codi", "sim-cot"):
        parser.add_argument(f"--{option}", type=pathlib.Path, required=True)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as scratch, torch.no_grad():
        bases = {kind: pathlib.Path(scratch) / kind for kind in ("gpt2", "llama")}
        for kind, base in bases.items():
            make_base(kind, base)
            record_coconut(f"coconut-{kind}", options.coconut, base, "coconut")
            record_codi(f"codi-{kind}", options.codi, base, alpha={"gpt2": 32, "llama": 6}[kind], norm=kind == "gpt2")
        record_coconut("coconut-cot-gpt2", options.coconut, bases["gpt2"], "cot")
        record_coconut("sim-cot-coconut-gpt2", options.sim_cot / "Coconut", bases["gpt2"], "sim-cot")
        record_codi("sim-cot-codi-llama", options.sim_cot / "CODI", bases["llama"], alpha=32, decoder=True)
