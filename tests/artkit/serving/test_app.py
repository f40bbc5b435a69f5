"""The served run: it answers as the model does, and every bad request gets one clear sentence."""

import io
import json
import zlib

import pytest
from PIL import Image
from typer.testing import CliRunner

from artkit.cli import app as commands
from artkit.engine.answering import is_large
from artkit.engine.open_set.rule import load_unknown_rule
from artkit.engine.predicting import Predictor
from artkit.engine.trained import find_weights, load_trained
from artkit.errors import RunError
from artkit_shards import open_dataset

pytest.importorskip("starlette", reason="needs the extra serve")
pytest.importorskip("uvicorn", reason="needs the extra serve")
needs_forms = pytest.mark.usefixtures("form_parser")


@pytest.fixture
def form_parser():
    pytest.importorskip("python_multipart", reason="needs the extra serve")


def service_of(run, **settings):
    from artkit.serving.neighbours import load_neighbours
    from artkit.serving.service import Service

    trained = load_trained(find_weights(run))
    works = load_neighbours(run, trained, on_progress=lambda *_: None, tell=lambda _: None)
    predictor = Predictor(trained, unknown=load_unknown_rule(run, trained))
    return Service(**{"run": "tiny", "predictor": predictor, "neighbours": works, "top": 3} | settings)


def client_of(service, **limits):
    from starlette.testclient import TestClient

    from artkit.serving.app import make_app
    from artkit.serving.guards import own_names
    from artkit.serving.limits import Limits

    app = make_app(service, Limits(**limits), own_names("127.0.0.1", ["art.example.org"]))
    return TestClient(app, "http://localhost:8000", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def service(uneven_run):
    return service_of(uneven_run)


@pytest.fixture(scope="module")
def client(service):
    return client_of(service)


@pytest.fixture(scope="module")
def image(uneven_shards):
    return open_dataset(uneven_shards).split("test").read(0)


def refused(response, status):
    """The sentence of a refusal, which tells nothing of this machine."""
    assert response.status_code == status, response.text
    (message,) = response.json().values()
    assert "/tmp" not in message
    assert "Traceback" not in message
    return message


def test_the_answer_is_that_of_the_model(service, client, image):
    said = client.post("/predict", content=image).json()
    answers = service.predictor.answer(service.predictor.picture(image)[None])
    head = service.predictor.heads[0]
    expected = dict(zip(head.class_names, answers.probabilities(head)[0].tolist(), strict=True))
    assert {guess["name"]: guess["p"] for guess in said["top"]} == pytest.approx(expected, abs=1e-6)


def test_the_answer_is_that_of_artkit_predict(uneven_run, client, image, tmp_path):
    (tmp_path / "one.jpg").write_bytes(image)
    result = CliRunner().invoke(commands, ["predict", str(uneven_run), str(tmp_path / "one.jpg"), "--json"])
    predicted = json.loads(result.stdout)
    said = client.post("/predict", content=image).json()
    assert said.keys() - {"nearest"} == predicted.keys() - {"file"}
    assert said["predicted"] == predicted["predicted"]
    assert said["p"] == pytest.approx(predicted["p"], abs=1e-5)


def test_large_images_have_the_same_answers_and_pictures(client, image, monkeypatch):
    said, thumbnail = client.post("/predict", content=image).json(), client.get("/thumbnails/0").content
    monkeypatch.setattr("artkit.engine.answering._LARGE", 100)
    assert client.post("/predict", content=image).json() == said
    assert client.get("/thumbnails/0").content == thumbnail


def test_all_targets_are_answered(two_target_run, two_target_shards):
    client = client_of(service_of(two_target_run))
    said = client.post("/predict", content=open_dataset(two_target_shards).split("test").read(0)).json()
    assert said["others"]["style"]["predicted"] in ("flat", "line")
    assert said["nearest"][0]["classes"].keys() == {"artist", "style"}


def test_a_training_work_is_nearest_to_itself_and_has_a_picture(service, client, uneven_shards):
    train = open_dataset(uneven_shards).split("train")
    said = client.post("/predict", content=train.read(3)).json()["nearest"]
    assert said[0]["file"] == train.files[3]
    assert said[0]["similarity"] == pytest.approx(1, abs=1e-5)
    assert said[0]["classes"] == {"class": train.files[3].split("/")[0]}
    similarities = [work["similarity"] for work in said]
    assert similarities == sorted(similarities, reverse=True)
    picture = client.get("/" + said[0]["thumbnail"])
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8\xff")


def test_images_stranger_than_the_threshold_are_unknown(service, client, image):
    said = client.post("/predict", content=image).json()
    is_strange = said["unknown_score"] > service.predictor.unknown.threshold
    assert (said["predicted"] == "unknown") == said["is_unknown"] == is_strange


@needs_forms
def test_a_form_gives_what_the_body_gives(client, image):
    said = client.post("/predict", files={"image": ("../../etc/passwd\n.jpg", image, "text/html")})
    assert said.json() == client.post("/predict", content=image).json()


@needs_forms
def test_damaged_forms_are_refused(client, image):
    assert "no file in its field 'image'" in refused(client.post("/predict", files={"other": image}), 400)
    assert "no file in its field 'image'" in refused(
        client.post("/predict", files={"x": image}, data={"image": "text"}), 400
    )
    two = [("image", image), ("image", image)]
    assert "cannot be read" in refused(client.post("/predict", files=two), 400)
    headers = {"content-type": "multipart/form-data"}
    assert "boundary" in refused(client.post("/predict", content=b"--x", headers=headers), 400)
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert "cannot be read" in refused(client.post("/predict", content=b"no form", headers=headers), 400)


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"", 400, "has no image in it"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not an image of a kind"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), 422, "cannot be used"),
        (b"BM" + (54).to_bytes(4, "little") * 3 + b"\x28" + bytes(90), 422, "cannot be used"),
    ],
)
def test_what_is_no_image_is_refused(client, data, status, words):
    assert words in refused(client.post("/predict", content=data), status)


def test_a_truncated_image_is_refused(client, image):
    assert "cannot be used (truncated)" in refused(client.post("/predict", content=image[: len(image) // 2]), 422)


def test_requests_over_the_limit_are_refused(service, image):
    client = client_of(service, max_bytes=1000)
    for content in (bytes(1001), (bytes(900) for _ in range(10))):
        assert "more than 0.001 MB" in refused(client.post("/predict", content=content), 413)
    assert client.get("/health").json() == {"status": "ok"}


@pytest.fixture(scope="module")
def narrow_client(service):
    return client_of(service, max_pixels=600)


def picture_of(kind, width, height, **options):
    file = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 60)).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_images_may_have_as_many_pixels_as_the_limit_and_no_more(narrow_client, client, kind):
    assert narrow_client.post("/predict", content=picture_of(kind, 30, 20)).status_code == 200
    larger = picture_of(kind, 31, 20)
    assert refused(narrow_client.post("/predict", content=larger), 422) == (
        "this image has 31 x 20 pixels, more than the limit of 0.0006 megapixels; send a smaller copy of it"
    )
    assert client.post("/predict", content=larger).status_code == 200


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}], ids=["progressive", "with EXIF"]
)
def test_jpegs_of_each_kind_have_the_limit_of_pixels(narrow_client, options):
    assert narrow_client.post("/predict", content=picture_of("JPEG", 30, 20, **options)).status_code == 200
    assert "31 x 20" in refused(narrow_client.post("/predict", content=picture_of("JPEG", 31, 20, **options)), 422)


def test_tiles_of_a_tiff_have_the_limit_of_pixels(narrow_client, client, tiff_of_one_tile):
    assert narrow_client.post("/predict", content=tiff_of_one_tile(16)).status_code == 200
    assert "32 x 32 pixels" in refused(narrow_client.post("/predict", content=tiff_of_one_tile(32)), 422)
    assert client.post("/predict", content=tiff_of_one_tile(32)).status_code == 200


def test_images_with_large_tiles_are_decoded_alone(tiff_of_one_tile, monkeypatch):
    monkeypatch.setattr("artkit.engine.answering._LARGE", 600)
    assert [is_large(tiff_of_one_tile(side)) for side in (16, 32)] == [False, True]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP"])
def test_images_with_too_many_pixels_are_refused_before_any_is_decoded(narrow_client, client, kind):
    cut_off = picture_of(kind, 90, 80)[:-40]
    assert "cannot be used" in refused(client.post("/predict", content=cut_off), 422)
    assert "90 x 80 pixels" in refused(narrow_client.post("/predict", content=cut_off), 422)


def test_by_itself_the_limit_of_pixels_is_50_megapixels(client):
    ends_after_header = picture_of("PNG", 1, 1)[:16] + (8000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    ends_after_header += zlib.crc32(ends_after_header[12:]).to_bytes(4, "big")
    message = refused(client.post("/predict", content=ends_after_header + picture_of("PNG", 1, 1)[33:]), 422)
    assert "8000 x 8000 pixels, more than the limit of 50 megapixels" in message
    assert "up to 20 MB and 50 megapixels" in client.get("/").text


def test_pictures_of_training_works_have_no_limit_of_pixels_but_that_of_all_images(service):
    assert client_of(service, max_pixels=1).get("/thumbnails/0").status_code == 200


def test_wrong_methods_and_addresses_are_told(client):
    response = client.get("/predict")
    assert "takes POST" in refused(response, 405)
    assert response.headers["allow"] == "POST"
    for address in (
        "/nothing",
        "/about/",
        "//localhost/about/",
        "/../../etc/passwd",
        "/thumbnails/..%2f..%2fetc",
        "/thumbnails/x",
    ):
        refused(client.get(address), 404)
    for row in (10**6, "9" * 5000):
        assert "no picture" in refused(client.get(f"/thumbnails/{row}"), 404)


def test_a_failing_model_tells_no_secret(uneven_run, image):
    service = service_of(uneven_run)

    def fail(*_):
        raise ValueError("/tmp/secret")

    service.predictor.trained.model.register_forward_hook(fail)
    message = refused(client_of(service).post("/predict", content=image), 500)
    assert "secret" not in message


def test_about_says_what_answers(client, service):
    about = client.get("/about").json()
    assert about["run"] == "tiny"
    assert about["model"] == "small-resnet"
    assert about["classes"] == {"class": ["few", "many", "some"]}
    assert about["preprocessing"] == {"image_size": 16, "fit": "letterbox", "background": "white"}


def test_the_page_may_load_nothing_from_elsewhere(client):
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "Who made this?" in page.text
    for name in ("style.css", "script.js"):
        assert name in page.text
        assert client.get(f"/{name}").status_code == 200
        assert "http:" not in client.get(f"/{name}").text


def test_without_the_data_set_the_page_says_so(uneven_run, image):
    client = client_of(service_of(uneven_run, neighbours=None, no_neighbours="The works are not shown."))
    assert "The works are not shown." in client.get("/").text
    assert client.post("/predict", content=image).json()["nearest"] == []
    assert "no training works" in refused(client.get("/thumbnails/0"), 404)


@pytest.mark.parametrize(
    "name",
    [
        "localhost:8000",
        "127.0.0.1",
        "192.168.0.7:80",
        "[::1]:8000",
        "art.example.org",
        "ART.example.org.",
        "a.localhost",
    ],
)
def test_it_answers_to_its_own_names_and_to_addresses(client, name):
    assert client.get("/health", headers={"host": name}).json() == {"status": "ok"}


@pytest.mark.parametrize(
    "name", ["evil.example", "localhost.evil.example:8000", "127.0.0.1.evil.example", "x" * 5000, ""]
)
def test_names_of_others_that_lead_here_are_refused(client, name):
    for address in ("/", "/thumbnails/0", "/nothing"):
        message = refused(client.get(address, headers={"host": name}), 403)
        assert "--allow-host" in message
        assert len(message) < 300


def test_images_from_pages_of_other_websites_are_refused(client, image):
    for site in ("cross-site", "same-site"):
        response = client.post("/predict", content=image, headers={"sec-fetch-site": site})
        assert "other websites" in refused(response, 403)
    assert client.post("/predict", content=image, headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert client.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("name", ["", "https://art.example.org", "a b"])
def test_further_names_must_be_names(name):
    from artkit.serving.guards import own_names

    with pytest.raises(RunError, match="is no name of a host; give the name alone"):
        own_names("127.0.0.1", [name])


def test_every_response_binds_browsers(client):
    for response in (client.get("/"), client.get("/nothing"), client.get("/", headers={"host": "evil.example"})):
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        assert response.headers["x-content-type-options"] == "nosniff"


@needs_forms
def test_a_form_of_ends_that_are_none_is_taken_for_a_file(client):
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    response = client.post("/predict", content=head + b"\r\n--bX" * 100_000 + b"\r\n--b--\r\n", headers=headers)
    assert "not an image of a kind" in refused(response, 415)


def test_features_of_any_length_find_the_same_works(service):
    features = service.neighbours.features[5]
    found = [[work.row for work in service.neighbours.nearest(given, 3)] for given in (features, features * 7)]
    assert found[0] == found[1]
    assert found[0][0] == service.neighbours.rows[5]
