"""Makes the fixtures of the image processors in packages/encoders: small synthetic pictures in many file formats, and
values sampled from what transformers' PIL processors make of them.

    pip install transformers pillow numpy
    python tooling/parity/make_image_fixtures.py packages/encoders/fixtures/images [--full FOLDER]

`--full FOLDER` also writes every expected value as .npy, for a complete comparison.
"""

import argparse
import gzip
import json
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps
from transformers import __version__ as transformers_version
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

CLASSES = {
    "CLIPImageProcessor": CLIPImageProcessorPil,
    "SiglipImageProcessor": SiglipImageProcessorPil,
    "LlavaImageProcessor": LlavaImageProcessorPil,
    "Idefics3ImageProcessor": Idefics3ImageProcessorPil,
    "SmolVLMImageProcessor": SmolVLMImageProcessorPil,
    "MllamaImageProcessor": MllamaImageProcessorPil,
}


def photograph(width, height, seed):
    """Soft colours, a few edges and fine noise: what a camera gives."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    planes = []
    for _ in range(3):
        a, b, c, d = random.uniform(1, 9, 4)
        planes.append(np.sin(a * x + b * y) + 0.6 * np.cos(c * x * y * 4 + d) + 0.5 * (np.sin(12 * x + d) > np.cos(9 * y + a)))
    image = np.stack(planes, -1)
    image = (image - image.min()) / (image.max() - image.min()) * 235 + 10
    return Image.fromarray(np.clip(image + random.normal(0, 6, image.shape), 0, 255).astype(np.uint8))


def line_art(width, height, mode="L"):
    """Black lines on white, one pixel wide and thicker: the hardest case for a resampling filter."""
    image = Image.new(mode, (width, height), 255 if mode == "L" else (255, 255, 255))
    draw = ImageDraw.Draw(image)
    for index in range(0, width, 11):
        draw.line([(index, 0), (width - index, height)], fill=0 if mode == "L" else (index % 256, 0, 0), width=1 + index % 3)
    for radius in range(5, min(width, height) // 2, 9):
        draw.ellipse([width // 2 - radius, height // 2 - radius, width // 2 + radius, height // 2 + radius], outline=0 if mode == "L" else (0, 0, 160))
    return image


def make_pictures(folder):
    photo = photograph(150, 100, 1)
    photo.save(folder / "photograph.jpg", quality=88)
    photograph(90, 140, 2).save(folder / "tall.png")
    line_art(220, 160).save(folder / "line-art.png", optimize=True)
    line_art(97, 61, "RGB").save(folder / "line-art-colour.png", optimize=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter: what phones write
    photograph(80, 50, 3).save(folder / "exif-turned.jpg", quality=90, exif=exif)
    exif[0x0112] = 5  # mirrored and turned
    photograph(50, 40, 3).save(folder / "exif-mirrored.jpg", quality=90, exif=exif)
    with_alpha = photograph(61, 47, 4).convert("RGBA")
    with_alpha.putalpha(Image.fromarray((np.mgrid[0:47, 0:61].sum(0) * 5 % 256).astype(np.uint8)))
    with_alpha.save(folder / "alpha.png")
    photograph(64, 40, 5).convert("LA").save(folder / "grey-alpha.png")
    photograph(70, 55, 6).convert("L").save(folder / "grey.jpg", quality=90)
    photograph(70, 55, 7).convert("CMYK").save(folder / "cmyk.jpg", quality=92)
    palette = photograph(60, 60, 8).convert("P", palette=Image.Palette.ADAPTIVE, colors=32)
    palette.save(folder / "palette.png", transparency=3)
    palette.save(folder / "palette.gif")
    deep = np.mgrid[0:40, 0:50].sum(0).astype(np.float64) / 88 * 65535
    Image.fromarray(deep.astype(np.uint16)).save(folder / "grey-16-bit.png")
    line_art(60, 40).convert("1").save(folder / "bilevel.png")
    Image.new("RGB", (1, 1), (200, 30, 90)).save(folder / "one-pixel.png")
    photograph(300, 4, 9).save(folder / "thread.png")
    photograph(77, 66, 10).save(folder / "photograph.webp", quality=85)
    # 16-bit colour, which Pillow reads but does not write: three 16-bit planes by hand.
    rows = np.random.default_rng(11).integers(0, 65536, (20, 30, 3)).astype(">u2")
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    (folder / "colour-16-bit.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 30, 20, 16, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
    )


ALL = "photograph.jpg tall.png line-art.png line-art-colour.png exif-turned.jpg exif-mirrored.jpg alpha.png grey-alpha.png grey.jpg cmyk.jpg palette.png palette.gif grey-16-bit.png bilevel.png one-pixel.png photograph.webp colour-16-bit.png".split()

CASES = [
    # name, configuration, samples (lists of pictures)
    ("clip", {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 48}, "crop_size": {"height": 48, "width": 48}}, ALL),
    ("clip, numbers as sizes", {"image_processor_type": "CLIPImageProcessor", "size": 40, "crop_size": 56, "resample": 2}, ["photograph.jpg", "tall.png"]),
    ("clip, both edges", {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 40, "longest_edge": 50}, "crop_size": {"height": 33, "width": 47}, "resample": 1}, ["photograph.jpg", "tall.png", "line-art.png"]),
    ("clip, not resized", {"image_processor_type": "CLIPImageProcessor", "do_resize": False, "do_normalize": False, "crop_size": {"height": 63, "width": 101}}, ["photograph.jpg", "one-pixel.png", "line-art.png"]),
    ("clip, one long thread", {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}, ["thread.png"]),
    ("siglip", {"image_processor_type": "SiglipImageProcessor", "size": {"height": 56, "width": 40}}, ALL),
    ("siglip, box", {"image_processor_type": "SiglipImageProcessor", "size": {"height": 33, "width": 61}, "resample": 4, "image_mean": 0.4, "image_std": [0.2, 0.3, 0.4]}, ["photograph.jpg", "line-art.png"]),
    ("siglip, hamming", {"image_processor_type": "SiglipImageProcessor", "size": {"height": 33, "width": 61}, "resample": 5, "rescale_factor": 0.0078125, "do_normalize": False}, ["photograph.jpg", "line-art.png"]),
    ("siglip, nearest", {"image_processor_type": "SiglipImageProcessor", "size": {"height": 33, "width": 261}, "resample": 0}, ["photograph.jpg", "line-art.png"]),
    ("siglip, raw", {"image_processor_type": "SiglipImageProcessor", "size": {"height": 20, "width": 20}, "do_rescale": False}, ["photograph.jpg"]),
    ("llava, padded", {"image_processor_type": "LlavaImageProcessor", "size": {"shortest_edge": 42}, "crop_size": {"height": 42, "width": 42}, "do_pad": True}, ["photograph.jpg", "tall.png", "line-art-colour.png"]),
    ("llava", {"image_processor_type": "LlavaImageProcessor", "size": {"shortest_edge": 42}, "crop_size": {"height": 42, "width": 42}}, ["photograph.jpg", "tall.png"]),
    ("idefics3", {"image_processor_type": "Idefics3ImageProcessor", "size": {"longest_edge": 100}, "max_image_size": {"longest_edge": 32}}, [["photograph.jpg"], ["tall.png", "one-pixel.png"], ["alpha.png"]]),
    ("idefics3, not split", {"image_processor_type": "Idefics3ImageProcessor", "size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 48}, "do_image_splitting": False}, [["photograph.jpg", "line-art.png"]]),
    ("smolvlm", {"image_processor_type": "SmolVLMImageProcessor", "size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 64}, "resample": 3}, [["photograph.jpg"], ["line-art.png"], ["exif-turned.jpg"]]),
    ("smolvlm, one long thread", {"image_processor_type": "SmolVLMImageProcessor", "size": {"longest_edge": 96}, "max_image_size": {"longest_edge": 48}}, [["thread.png"]]),
    ("mllama", {"image_processor_type": "MllamaImageProcessor", "size": {"height": 56, "width": 56}, "max_image_tiles": 4}, [["photograph.jpg"], ["tall.png", "one-pixel.png"], ["alpha.png"], ["palette.png"], ["grey-alpha.png"]]),
    ("mllama, two tiles", {"image_processor_type": "MllamaImageProcessor", "size": {"height": 28, "width": 28}, "max_image_tiles": 2, "resample": 3}, [["photograph.jpg", "line-art.png", "thread.png"]]),
]

SAMPLES = 240


def load(path):
    image = ImageOps.exif_transpose(Image.open(path))
    # 16-bit grey is clipped at 255 by convert("RGB"), as by load_image.
    return image.convert("RGB") if image.mode == "I;16" else image


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--full", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    make_pictures(options.folder)
    cases = []
    for name, config, samples in CASES:
        processor = CLASSES[config["image_processor_type"]](**{key: value for key, value in config.items() if key != "image_processor_type"})
        # CLIP, SigLIP and LLaVA treat each picture alone: so each is a case of its own.
        flat = not isinstance(samples[0], list)
        for sample in samples if flat else [samples]:
            images = load(options.folder / sample) if flat else [[load(options.folder / entry) for entry in entries] for entries in sample]
            extra = {"return_row_col_info": True} if "max_image_size" in config else {}
            result = processor(images, return_tensors="np", **extra)
            values = np.asarray(result["pixel_values"], dtype=np.float32)
            stride = max(1, values.size // SAMPLES) | 1
            case = {
                "name": f"{name}: {sample}" if flat else name,
                "config": config,
                "images": [sample] if flat else sample,
                "shape": list(values.shape),
                "stride": stride,
                "values": [round(float(value), 4) for value in values.reshape(-1)[::stride]],
                "sum": round(float(values.astype(np.float64).sum()), 2),
            }
            if "pixel_attention_mask" in result:
                mask = np.asarray(result["pixel_attention_mask"])
                case["pixelAttentionMask"] = {"shape": list(mask.shape), "sums": mask.sum((-1, -2)).tolist()}
                case["rows"] = [list(entry) for entry in result["rows"]]
                case["columns"] = [list(entry) for entry in result["cols"]]
            if "aspect_ratio_ids" in result:
                case["aspectRatioIds"] = np.asarray(result["aspect_ratio_ids"]).tolist()
                case["aspectRatioMask"] = np.asarray(result["aspect_ratio_mask"]).tolist()
                case["numTiles"] = result["num_tiles"]
            if options.full:
                options.full.mkdir(parents=True, exist_ok=True)
                values.tofile(options.full / f"{len(cases)}.f32")
            cases.append(case)
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    text = f'{{"transformers":"{transformers_version}","cases":[\n{lines}\n]}}\n'
    (options.folder / "expected.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
