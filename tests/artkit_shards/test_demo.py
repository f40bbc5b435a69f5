from PIL import Image

from artkit_shards import demo_path, open_dataset
from artkit_shards.images import read_rgb


def test_the_demo_is_small_and_says_where_it_comes_from():
    files = [path for path in demo_path().rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5_000_000
    assert all(path.stat().st_size < 1_000_000 for path in files)
    readme = (demo_path() / "README.md").read_text()
    assert "openclipart-png" in readme
    assert "public domain" in (demo_path() / "LICENSE").read_text()
    for artist in open_dataset(demo_path()).class_names:
        assert artist in " ".join(readme.split())


def test_the_demo_has_a_long_tail_and_every_artist_in_every_split():
    dataset = open_dataset(demo_path())
    assert len(dataset.class_names) >= 12
    counts = [dataset.split(name).class_counts for name in ("train", "val", "test")]
    assert all(count.min() >= 3 for count in counts)
    assert counts[0].max() > 5 * counts[0].min()


def test_every_picture_of_the_demo_can_be_decoded():
    dataset = open_dataset(demo_path())
    for name in dataset.split_names:
        split = dataset.split(name)
        sizes = {max(read_rgb(split.read(row)).shape[:2]) for row in range(len(split))}
        assert max(sizes) <= 96


def test_no_picture_of_the_demo_is_in_two_splits():
    dataset = open_dataset(demo_path())
    looks = {}
    for name in dataset.split_names:
        split = dataset.split(name)
        for row in range(len(split)):
            small = Image.fromarray(read_rgb(split.read(row))).resize((16, 16)).tobytes()
            assert looks.setdefault(small, name) == name, split.files[row]
