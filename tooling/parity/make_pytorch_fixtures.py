"""Records checkpoints as torch.save writes them, for packages/safetensors' tests: element types, views, shared storages,
the format from before PyTorch 1.6, sharded models, and pickles that ask for more than tensors.

    python tooling/parity/make_pytorch_fixtures.py

Needs torch.
"""

import argparse
import base64
import collections
import gzip
import io
import json
import pathlib

import torch

target = pathlib.Path(__file__).resolve().parents[2] / "packages/safetensors/fixtures/pytorch.json.gz"
NAMES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def text(data):
    return base64.b64encode(data).decode()


def saved(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return text(file.getvalue())


def expected(tensors):
    return {
        name: {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "bytes": text(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()),
            "float32": text(tensor.detach().to(torch.float32).contiguous().numpy().tobytes()),
        }
        for name, tensor in tensors.items()
    }


class Hostile:
    def __reduce__(self):
        import os

        return (os.system, ("exit 1",))


def main():
    torch.manual_seed(4)
    matrix = torch.randn(4, 6)
    cube = torch.randn(3, 4, 5)
    views = {
        "matrix": matrix,
        "matrix.again": matrix,
        "transposed": matrix.T,
        "part": matrix[1:3, 2:5],
        "row": matrix[2],
        "column": matrix[:, 1],
        "turned": cube.permute(2, 0, 1),
        "every second": cube[::2, :, 1::2],
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "one": torch.randn(1, 1, 3).transpose(0, 2),
        "half turned": torch.randn(3, 2).half().T,
        "brain turned": torch.randn(3, 2).bfloat16().T,
    }
    dtypes = {f"{name}": (torch.randn(2, 3) * 9).to(dtype) for dtype, name in NAMES.items()}
    linear = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    tied = torch.nn.Embedding(5, 2)
    linear.tied = torch.nn.Linear(2, 5, bias=False)
    linear.embedding, linear.tied.weight = tied, tied.weight
    state = linear.state_dict()
    cases = {
        "views": (saved(views), views),
        "element types": (saved(dtypes), dtypes),
        "a module's state dict, tied": (saved(state), state),
        "of parameters": (saved(dict(linear.named_parameters())), dict(linear.named_parameters())),
        "of protocol 4": (saved(state, pickle_protocol=4), state),
        "inside a training checkpoint": (
            saved({"epoch": 3, "state_dict": state, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999)}]}, "note": None}),
            state,
        ),
        "from before 1.6": (saved(views, _use_new_zipfile_serialization=False), views),
        "of a module from before 1.6": (saved(state, _use_new_zipfile_serialization=False), state),
    }
    first = collections.OrderedDict(list(state.items())[:3])
    second = collections.OrderedDict(list(state.items())[3:])
    files = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
    index = {"metadata": {}, "weight_map": {name: files[0] if name in first else files[1] for name in state}}
    refused = {
        "a function of the operating system": (saved({"weight": matrix, "more": Hostile()}), "forbidden-class"),
        "the same, from before 1.6": (saved({"weight": matrix, "more": Hostile()}, _use_new_zipfile_serialization=False), "forbidden-class"),
        "a whole module": (saved(torch.nn.Linear(2, 2)), "forbidden-class"),
        "one tensor": (saved(matrix), "invalid-pickle"),
        "no tensors": (saved({"epoch": 3}), "invalid-pickle"),
        "two models": (saved({"one": state, "two": state}), "invalid-pickle"),
        "a view that repeats its elements": (saved({"a": torch.zeros(1).expand(1000)}), "invalid-shape"),
    }
    recorded = {
        "cases": {name: {"file": file, "tensors": expected(tensors)} for name, (file, tensors) in cases.items()},
        "sharded": {"index": index, "files": {files[0]: saved(first), files[1]: saved(second)}, "tensors": expected(state)},
        "foreign": saved({"a": torch.zeros(2, dtype=torch.complex64), "b": torch.ones(2)}),
        "refused": {name: {"file": file, "code": code} for name, (file, code) in refused.items()},
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(json.dumps(recorded).encode(), 9, mtime=0))
    print(target.name, target.stat().st_size, "bytes")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
