import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

TOOL = Path(__file__).parents[2] / "tools/measure_duplicates.py"


def test_it_finds_copies_that_it_makes_and_those_that_are_there(tmp_path):
    for number in range(4):
        coarse = np.random.default_rng(number % 3).integers(0, 256, (7, 9, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((90, 70), Image.Resampling.BICUBIC)
        picture.save(tmp_path / f"{number}.jpg", quality=90 - number)
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    result = subprocess.run([sys.executable, str(TOOL), str(tmp_path)], capture_output=True, text=True, check=True)
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "quality 75 100.0% 100.0%" in lines
    assert "clusters among 4 images as they are" in lines
    assert "difference up to 0.15: 1 clusters of 2 images, the largest [2]" in lines
