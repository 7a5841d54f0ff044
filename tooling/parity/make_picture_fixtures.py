"""Makes packages/data/fixtures/pictures.json.gz: tiny pictures in every form that PNG, JPEG, WebP and GIF have, and the
pixels that transformers' load_image sees in each (Pillow: open, exif_transpose, convert("RGB")).

    pip install transformers pillow numpy
    python tooling/parity/make_picture_fixtures.py packages/data/fixtures/pictures.json.gz
"""

import base64
import gzip
import io
import json
import struct
import sys
import tempfile
import warnings
import zlib

import numpy as np
from PIL import Image, ImageCms, __version__ as pillow_version
from transformers import __version__ as transformers_version
from transformers.image_utils import load_image

W, H = 7, 5
random = np.random.default_rng(7)
cases = {}


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def rows(values, depth, first):
    """Packs, and filters each row by another of PNG's five filters."""
    height, width, channels = values.shape
    if width == 0 or height == 0:
        return b""
    bytes_per_pixel = max(1, channels * depth // 8)
    out = b""
    before = None
    for y in range(height):
        flat = values[y].reshape(-1)
        if depth == 16:
            line = b"".join(struct.pack(">H", int(v)) for v in flat)
        elif depth == 8:
            line = bytes(int(v) for v in flat)
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in flat)
            bits += "0" * (-len(bits) % 8)
            line = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
        before = before or bytes(len(line))
        kind = (first + y) % 5
        filtered = bytearray()
        for i, v in enumerate(line):
            a = line[i - bytes_per_pixel] if i >= bytes_per_pixel else 0
            b = before[i]
            c = before[i - bytes_per_pixel] if i >= bytes_per_pixel else 0
            filtered.append((v - [0, a, b, (a + b) // 2, paeth(a, b, c)][kind]) & 255)
        out += bytes([kind]) + bytes(filtered)
        before = line
    return out


def png(colour, depth, interlaced=False, extra=b"", after=b"", limit=None, pieces=1, values=None):
    if values is None:
        values = random.integers(0, limit or 1 << depth, (H, W, CHANNELS[colour]))
    height, width, _ = values.shape
    raw = b"".join(rows(values[y::dy, x::dx], depth, n) for n, (x, y, dx, dy) in enumerate(PASSES)) if interlaced else rows(values, depth, 1)
    body = zlib.compress(raw)
    cut = [len(body) * i // pieces for i in range(pieces + 1)]
    data = b"".join(chunk(b"IDAT", body[a:b]) for a, b in zip(cut, cut[1:]))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + data + after + chunk(b"IEND", b"")


def palette(size):
    return chunk(b"PLTE", bytes(random.integers(0, 256, size * 3).tolist()))


def exif(value, order="<"):
    mark = b"II" if order == "<" else b"MM"
    return mark + struct.pack(order + "HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, value, 0, 0)


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'

for colour, depths in {0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]}.items():
    for depth in depths:
        extra = palette(min(1 << depth, 20)) if colour == 3 else b""
        limit = min(1 << depth, 20) if colour == 3 else None
        for interlaced in [False, True]:
            cases[f"png {colour} {depth}{' interlaced' if interlaced else ''}"] = png(colour, depth, interlaced, extra, limit=limit)
cases["png grey 16 low"] = png(0, 16, limit=300)
cases["png palette transparent"] = png(3, 4, extra=palette(16) + chunk(b"tRNS", bytes([0, 128, 255])))
cases["png palette one transparent"] = png(3, 4, extra=palette(16) + chunk(b"tRNS", bytes([255, 0])))
cases["png grey transparent"] = png(0, 8, extra=chunk(b"tRNS", struct.pack(">H", 7)), limit=16)
cases["png colour transparent"] = png(2, 8, extra=chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3)), limit=4)
cases["png 16 transparent"] = png(2, 16, extra=chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3)))
cases["png suggested palette"] = png(2, 8, extra=palette(4))
cases["png gamma"] = png(2, 8, extra=chunk(b"gAMA", struct.pack(">I", 100000)))
cases["png sRGB background"] = png(6, 8, extra=chunk(b"sRGB", b"\0") + chunk(b"bKGD", struct.pack(">HHH", 9, 9, 9)))
cases["png pieces"] = png(2, 8, pieces=4)
cases["png empty piece"] = png(2, 8).replace(chunk(b"IEND", b""), chunk(b"IDAT", b"") + chunk(b"IEND", b""))
cases["png exif"] = png(2, 8, extra=chunk(b"eXIf", exif(6)))
cases["png exif at the end"] = png(2, 8, after=chunk(b"eXIf", exif(8, ">")))
cases["png xmp"] = png(2, 8, extra=chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP))
cases["png animated"] = png(2, 8, extra=chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, W, H, 0, 0, 1, 10, 0, 0)),
                            after=chunk(b"fcTL", struct.pack(">IIIIIHHBB", 1, W, H, 0, 0, 1, 10, 0, 0)) + chunk(b"fdAT", struct.pack(">I", 2) + zlib.compress(bytes(H * (3 * W + 1)))))
cases["png without end"] = png(2, 8)[:-12]
cases["png more after the end"] = png(2, 8) + b"more"
cases["png one pixel"] = png(6, 8, True, values=random.integers(0, 256, (1, 1, 4)))
cases["png palette index beyond"] = png(3, 8, extra=palette(5), limit=9)


def saved(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def smooth(width=19, height=13, mode="RGB"):
    y, x = np.mgrid[0:height, 0:width]
    planes = [np.sin(x / 3 + k) * 60 + np.cos(y / 2 - k) * 60 + 128 for k in range(len(mode))]
    return Image.fromarray(np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8).squeeze(), mode)


photo = smooth()
for subsampling in [0, 1, 2]:
    cases[f"jpeg {['4:4:4', '4:2:2', '4:2:0'][subsampling]}"] = saved(photo, "JPEG", quality=88, subsampling=subsampling)
cases["jpeg progressive"] = saved(photo, "JPEG", quality=80, progressive=True)
cases["jpeg low quality"] = saved(photo, "JPEG", quality=9)
cases["jpeg grey"] = saved(smooth(mode="L"), "JPEG")
cases["jpeg restart"] = saved(photo, "JPEG", restart_marker_blocks=1)
cases["jpeg rgb"] = saved(photo, "JPEG", keep_rgb=True, quality=90)
cmyk = saved(smooth(mode="CMYK"), "JPEG", quality=90)
cases["jpeg cmyk"] = cmyk
adobe = cmyk.index(b"\xff\xee")
cases["jpeg cmyk without adobe"] = cmyk[:adobe] + cmyk[adobe + 2 + struct.unpack(">H", cmyk[adobe + 2 : adobe + 4])[0] :]
ycck = bytearray(cmyk)
ycck[adobe + 15] = 2
cases["jpeg ycck"] = bytes(ycck)
for value in range(0, 10):
    cases[f"jpeg exif {value}"] = saved(photo, "JPEG", quality=85, exif=b"Exif\0\0" + exif(value, "<" if value % 2 else ">"))
cases["jpeg xmp"] = saved(photo, "JPEG", quality=85, xmp=XMP)
cases["jpeg exif before xmp"] = saved(photo, "JPEG", quality=85, exif=b"Exif\0\0" + exif(3), xmp=XMP)
profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
at = next(i for i in range(128, len(profile), 1) if profile[i : i + 4] == b"rXYZ")
offset = struct.unpack(">I", profile[at + 4 : at + 8])[0]
profile[offset + 8 : offset + 12] = struct.pack(">i", int(0.51 * 65536))  # a red of its own: not sRGB's
cases["jpeg profile"] = saved(photo, "JPEG", quality=85, icc_profile=bytes(profile))
cases["png profile"] = saved(photo.resize((W, H)), "PNG", icc_profile=bytes(profile))
cases["webp profile"] = saved(photo.resize((W, H)), "WEBP", lossless=True, icc_profile=bytes(profile))

alpha = smooth(mode="RGBA")
alpha.putalpha(Image.fromarray((np.mgrid[0:13, 0:19][1] * 14).astype(np.uint8)))
cases["webp lossy"] = saved(photo, "WEBP", quality=70)
cases["webp lossless"] = saved(photo, "WEBP", lossless=True)
cases["webp lossy alpha"] = saved(alpha, "WEBP", quality=80, exact=True)
cases["webp lossless alpha"] = saved(alpha, "WEBP", lossless=True, exact=True)
cases["webp exif"] = saved(photo, "WEBP", lossless=True, exif=exif(6))
cases["webp exif with header"] = saved(photo, "WEBP", lossless=True, exif=b"Exif\0\0" + exif(8))
cases["webp xmp"] = saved(photo, "WEBP", lossless=True, xmp=XMP)
cases["webp animated"] = saved(alpha, "WEBP", lossless=True, exact=True, save_all=True, append_images=[alpha.rotate(180)], duration=10)


def lzw(indices, bits):
    """Codes of one width: a clear after every few pixels keeps the table small."""
    width = bits + 1
    codes = []
    for n, index in enumerate(indices):
        if n % max(1, (1 << bits) - 2) == 0:
            codes.append(1 << bits)
        codes.append(int(index))
    codes.append((1 << bits) + 1)
    stream = "".join(format(code, f"0{width}b")[::-1] for code in codes)
    stream += "0" * (-len(stream) % 8)
    data = bytes(int(stream[i : i + 8][::-1], 2) for i in range(0, len(stream), 8))
    return bytes([bits]) + b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255)) + b"\0"


def gif(frames, size=(W, H), bits=4, table=True, background=0):
    """frames: (x, y, indices, transparent or None, local table or not, interlaced)"""
    out = b"GIF89a" + struct.pack("<HHBBB", *size, (0x80 | (bits - 1)) if table else 0, background, 0)
    if table:
        out += bytes(random.integers(0, 256, 3 << bits).tolist())
    for x, y, indices, transparent, local, interlaced in frames:
        height, width = indices.shape
        if transparent is not None:
            out += b"!\xf9\x04" + struct.pack("<BHBB", 1, 5, transparent, 0)
        out += b"!\xfe\x05hello\0" + b"," + struct.pack("<HHHHB", x, y, width, height, (0x80 | (bits - 1) if local else 0) | (0x40 if interlaced else 0))
        if local:
            out += bytes(random.integers(0, 256, 3 << bits).tolist())
        order = [*range(0, height, 8), *range(4, height, 8), *range(2, height, 4), *range(1, height, 2)] if interlaced else range(height)
        out += lzw([v for row in order for v in indices[row]], bits)
    return out + b";"


def indices(height=H, width=W, bits=4):
    return random.integers(0, 1 << bits, (height, width))


cases["gif"] = gif([(0, 0, indices(), None, False, False)])
cases["gif transparent"] = gif([(0, 0, indices(), 3, False, False)])
cases["gif local table"] = gif([(0, 0, indices(), 3, True, False)], table=False)
cases["gif interlaced"] = gif([(0, 0, indices(11, 9), None, False, True)], size=(9, 11))
cases["gif part"] = gif([(2, 1, indices(3, 4), None, False, False)], background=5)
cases["gif part transparent"] = gif([(2, 1, indices(3, 4), 6, False, False)], background=5)
cases["gif beyond"] = gif([(3, 2, indices(), None, False, False)])
cases["gif without table"] = gif([(0, 0, indices(), None, False, False)], table=False)
cases["gif animated"] = gif([(0, 0, indices(), 3, False, False), (1, 1, indices(2, 2), None, True, False)])
cases["gif two colours"] = gif([(0, 0, indices(bits=2), None, False, False)], bits=2)
cases["gif by pillow"] = saved(smooth(60, 40).quantize(200), "GIF")
cases["gif without end"] = gif([(0, 0, indices(), None, False, False)])[:-1]

recorded = []
warnings.simplefilter("ignore")
for name, data in cases.items():
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            image = load_image(file.name)
        except Exception as error:
            print(name, "is refused:", error)
            continue
    if name == "gif by pillow":  # large for its table of 200 colours: a sum will do
        recorded.append({"name": name, "file": base64.b64encode(data).decode(), "width": image.width, "height": image.height, "crc": zlib.crc32(image.tobytes())})
    else:
        recorded.append({"name": name, "file": base64.b64encode(data).decode(), "width": image.width, "height": image.height, "rgb": base64.b64encode(image.tobytes()).decode()})
with open(sys.argv[1], "wb") as out:
    out.write(gzip.compress((json.dumps({"pillow": pillow_version, "transformers": transformers_version, "pictures": "@"}).replace('"@"', "[\n" + ",\n".join(json.dumps(entry) for entry in recorded) + "\n]") + "\n").encode(), 9, mtime=0))
print(len(recorded), "pictures")
