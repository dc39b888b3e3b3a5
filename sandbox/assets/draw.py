"""Draws the project's own pictures: the cat, the hat, and the film in which the cat puts the hat on.

Usage: python3 sandbox/assets/draw.py IMAGES_FOLDER FRAMES_FOLDER
Needs Pillow. Everything is drawn from shapes, so that nothing here belongs to anybody else.
"""

import math
import sys
from pathlib import Path

from PIL import Image, ImageDraw

SCALE = 3  # drawn larger and shrunk, because Pillow's shapes have no smooth edges
FUR, DARK, PINK = "#e8963c", "#7a431c", "#f2a7a0"
WALL, FLOOR = "#cfe6ee", "#9cc3a5"
FELT, BAND = "#3b2f5c", "#d8425a"
FRAMES, RATE = 102, 20  # 5.1 s, which is what the API reports for an order of 5 s


def canvas(width, height, wall=WALL, floor=FLOOR):
    picture = Image.new("RGB", (width * SCALE, height * SCALE), wall)
    pen = ImageDraw.Draw(picture)
    pen.rectangle([0, int(height * 0.8) * SCALE, width * SCALE, height * SCALE], fill=floor)
    return picture, pen


def scaled(points):
    return [tuple(c * SCALE for c in point) for point in points]


def ellipse(pen, x, y, rx, ry, fill):
    pen.ellipse([(x - rx) * SCALE, (y - ry) * SCALE, (x + rx) * SCALE, (y + ry) * SCALE], fill=fill)


def line(pen, points, fill, width):
    pen.line(scaled(points), fill=fill, width=round(width * SCALE), joint="curve")


def cat(pen, x, y, size, blink=False, wag=0.0, smile=1.0):
    """A sitting cat whose head is centred on x, y; size 1 is about 300 px high."""
    s = size
    tail = [(x + (70 + 50 * t) * s, y + (190 - 90 * t + 30 * math.sin(3 * t + wag)) * s) for t in [i / 12 for i in range(13)]]
    line(pen, tail, DARK, 20 * s)
    ellipse(pen, x, y + 150 * s, 82 * s, 100 * s, FUR)
    ellipse(pen, x, y + 165 * s, 46 * s, 70 * s, "#fbe3c4")
    for side in (-1, 1):
        ellipse(pen, x + side * 42 * s, y + 240 * s, 34 * s, 18 * s, FUR)
        pen.polygon(scaled([(x + side * 82 * s, y - 10 * s), (x + side * 72 * s, y - 112 * s), (x + side * 18 * s, y - 62 * s)]), fill=FUR)
        pen.polygon(scaled([(x + side * 70 * s, y - 36 * s), (x + side * 65 * s, y - 90 * s), (x + side * 34 * s, y - 60 * s)]), fill=PINK)
    ellipse(pen, x, y, 90 * s, 76 * s, FUR)
    for offset in (-22, 0, 22):
        line(pen, [(x + offset * s, y - 72 * s), (x + offset * 0.8 * s, y - 44 * s)], DARK, 8 * s)
    for side in (-1, 1):
        ex = x + side * 36 * s
        if blink:
            line(pen, [(ex - 15 * s, y - 6 * s), (ex, y), (ex + 15 * s, y - 6 * s)], DARK, 5 * s)
        else:
            ellipse(pen, ex, y - 6 * s, 17 * s, 20 * s, "white")
            ellipse(pen, ex, y - 5 * s, 8 * s, 17 * s, "#20301f")
        for drop in (-8, 6, 20):
            line(pen, [(x + side * 34 * s, y + 28 * s + drop * 0.4 * s), (x + side * 108 * s, y + 22 * s + drop * s)], DARK, 2.5 * s)
    pen.polygon(scaled([(x - 10 * s, y + 18 * s), (x + 10 * s, y + 18 * s), (x, y + 30 * s)]), fill="#c65b5b")
    for side in (-1, 1):
        mouth = [(x + side * 26 * t * s, y + (30 + smile * 16 * math.sin(math.pi * t)) * s) for t in [i / 10 for i in range(11)]]
        line(pen, mouth, DARK, 4 * s)


def hat(pen, x, y, size, tilt=0.0):
    """A top hat whose brim is centred on x, y; tilt in radians."""

    def turned(points):
        c, n = math.cos(tilt), math.sin(tilt)
        return scaled([(x + (px * c - py * n) * size, y + (px * n + py * c) * size) for px, py in points])

    def oval(cx, cy, rx, ry):
        return [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in [i * math.pi / 24 for i in range(48)]]

    pen.polygon(turned(oval(0, 0, 120, 24)), fill=FELT)
    pen.polygon(turned([(-72, 2), (-80, -130), (80, -130), (72, 2)]), fill=FELT)
    pen.polygon(turned(oval(0, -130, 80, 16)), fill="#54467c")
    pen.polygon(turned([(-72.5, -8), (-74.5, -42), (74.5, -42), (72.5, -8)]), fill=BAND)
    pen.polygon(turned(oval(0, -7, 72, 12)), fill=BAND)


def finish(picture, width, height):
    return picture.resize((width, height), Image.LANCZOS)


def frame(number):
    """The hat falls, the cat ducks a little, blinks, and smiles under it."""
    width, height, time = 640, 360, number / RATE
    picture, pen = canvas(width, height)
    fall = min(time / 2.4, 1.0) ** 2
    bounce = 10 * math.exp(-4 * (time - 2.4)) * math.cos(14 * (time - 2.4)) if time > 2.4 else 0.0
    head = 162 + (10 * math.exp(-5 * (time - 2.4)) if time > 2.4 else 0.0)
    blink = 2.35 < time < 2.8 or 4.2 < time < 4.35
    cat(pen, 320, head, 0.72, blink=blink, wag=2 * math.pi * time / 1.7, smile=0.2 if time < 2.4 else 1.0)
    hat(pen, 320, -40 + (head - 44 + 40) * fall - abs(bounce), 0.72, tilt=0.5 * (1 - fall) * math.sin(4 * time))
    return finish(picture, width, height)


def main(images, frames):
    images.mkdir(parents=True, exist_ok=True)
    frames.mkdir(parents=True, exist_ok=True)
    picture, pen = canvas(480, 480)
    cat(pen, 240, 180, 1.0)
    finish(picture, 480, 480).quantize(64).save(images / "cat.png", optimize=True)
    picture, pen = canvas(480, 360, "#f4e6cf", "#c99f6e")
    hat(pen, 240, 270, 1.35, tilt=-0.06)
    finish(picture, 480, 360).save(images / "hat.jpg", quality=85, optimize=True)
    for number in range(FRAMES):
        frame(number).save(frames / f"{number:03}.png")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
