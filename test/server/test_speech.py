"""OpenAI's address, with OpenAI's client, curl and other programs' decoders."""

import base64
import io
import json
import shutil
import subprocess

import av
import numpy as np
import openai
import pytest
import soundfile
from serving import HTTP, serve, wait_for

from espnet2_nix.runtime import Voice
from espnet2_nix.server.encoders import MEDIA_TYPES
from espnet2_nix.text import normalize, pronounce

TEXT = "나무가 많다. 물을 마신다! 세 번째 문장입니다."
LONG = "나무가 많은 산에서 물을 마시고 오래 걸었다. " * 90
PADDING = {"mp3": 0.12, "opus": 0.02}  # seconds that a codec adds at most


@pytest.fixture(scope="module")
def whole(voices):
    return Voice.load(voices / "istft").synthesize(TEXT)


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


def seconds_of(data, response_format):
    """Length by FFmpeg's decoders."""
    if response_format == "pcm":
        return len(data) / 2 / 24000
    with av.open(io.BytesIO(data)) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


@pytest.mark.parametrize("response_format", MEDIA_TYPES)
def test_openais_client_gets_every_format_whole(client, whole, response_format):
    answer = client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format=response_format)
    assert answer.response.headers["content-type"] == MEDIA_TYPES[response_format]
    wanted = len(whole.samples) / whole.sample_rate
    assert wanted <= seconds_of(answer.content, response_format) + 0.001 < wanted + PADDING.get(response_format, 0.002)


def test_a_wav_holds_the_samples_of_the_voice(client, whole):
    data = client.audio.speech.create(model="nix-tts", voice="istft", input=TEXT, response_format="wav").content
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate == whole.sample_rate
    np.testing.assert_allclose(samples, whole.samples, atol=1e-4)
    assert data[4:8] == data[40:44] == b"\xff" * 4  # the length is not known when the first samples leave


def test_curl_gets_a_file(server, whole, tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    body = json.dumps({"model": "tts-1", "input": TEXT, "voice": "istft", "response_format": "wav"})
    out = tmp_path / "speech.wav"
    curl = ["curl", "-sS", "--fail", "-H", "Content-Type: application/json", "-d", body, "-o", str(out)]
    subprocess.run([*curl, f"{server.url}/v1/audio/speech"], check=True)
    assert len(soundfile.read(out)[0]) == len(whole.samples)


def test_speed_and_voice_are_heeded(client, whole):
    def seconds(**options):
        content = client.audio.speech.create(model="tts-1", input=TEXT, response_format="wav", **options).content
        return seconds_of(content, "wav")

    assert seconds(voice="istft", speed=2.0) < 0.8 * len(whole.samples) / whole.sample_rate < seconds(voice="istft")
    assert client.audio.speech.create(model="tts-1", input=TEXT, voice="hifigan", response_format="wav").content != (
        client.audio.speech.create(model="tts-1", input=TEXT, voice="istft", response_format="wav").content
    )


def test_a_voice_may_be_an_object_and_unknown_fields_are_left_alone(server):
    body = {"model": "tts-1", "input": "나무", "voice": {"id": "istft"}, "instructions": "calmly", "lang_code": "k"}
    assert HTTP.post(f"{server.url}/v1/audio/speech", json=body).status_code == 200


def test_speech_comes_in_pieces_and_a_client_that_goes_stops_the_work(server):
    body = {"model": "tts-1", "input": LONG, "voice": "istft", "response_format": "wav", "speed": 0.25}
    before = server.metric("nix_tts_speech_seconds_total", voice="istft")
    with HTTP.stream("POST", f"{server.url}/v1/audio/speech", json=body) as answer:
        first = next(answer.iter_raw())
        assert first.startswith(b"RIFF")
    wait_for(lambda: server.metric("nix_tts_active_requests") == 0)
    spoken = server.metric("nix_tts_speech_seconds_total", voice="istft") - before
    whole_seconds = HTTP.post(f"{server.url}/v1/audio/timings", json={"input": LONG, "speed": 4.0}).json()["seconds"]
    assert spoken < 8 * whole_seconds  # at a sixteenth of that speed it takes sixteen times as long


def test_events_carry_speech_and_words(server, whole):
    body = {"model": "tts-1", "input": TEXT, "voice": "istft", "response_format": "wav", "stream_format": "sse"}
    plain = HTTP.post(f"{server.url}/v1/audio/speech", json=body)
    assert plain.headers["content-type"].startswith("text/event-stream")
    with_words = HTTP.post(f"{server.url}/v1/audio/speech", json=body, headers={"X-Timings": "words"})
    read = [[json.loads(line[6:]) for line in answer.text.split("\n\n") if line] for answer in (plain, with_words)]
    assert {event["type"] for event in read[0]} == {"speech.audio.delta", "speech.audio.done"}
    assert read[0][-1]["usage"]["input_tokens"] == len(TEXT)
    for events in read:
        data = b"".join(base64.b64decode(event["audio"]) for event in events if event["type"] == "speech.audio.delta")
        assert len(data) == 44 + 2 * len(whole.samples)
    words = [word for event in read[1] if event["type"] == "speech.timings" for word in event["words"]]
    assert words == whole.timings.as_dict()["words"]
    assert read[1][0]["type"] == "speech.timings"  # what is said is known before it is heard


def test_openais_client_streams(client, whole):
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="nova", input=TEXT, response_format="pcm"
    ) as answer:
        data = b"".join(answer.iter_bytes())
    assert len(data) / 2 / 24000 == pytest.approx(len(whole.samples) / whole.sample_rate, abs=0.002)


def test_timings_tell_words_syllables_jamo_and_how_the_text_was_read(server, voices):
    body = {"input": "3시에 값이 없다.", "voice": "istft"}
    answer = HTTP.post(f"{server.url}/v1/audio/timings", json=body).json()
    wanted = Voice.load(voices / "istft").synthesize("3시에 값이 없다.").timings.as_dict()
    assert {name: answer[name] for name in wanted} == wanted
    assert (answer["normalized"], answer["pronounced"]) == (normalize(body["input"]), pronounce(body["input"]))
    assert any("3" in before for _, before, _ in answer["changes"])
    reading = HTTP.post(f"{server.url}/v1/audio/reading", json=body).json()
    assert reading == {name: answer[name] for name in ("normalized", "pronounced", "changes")}


def test_models_voices_and_health_are_told(server, client):
    assert [model.id for model in client.models.list()][:2] == ["nix-tts", "tts-1"]
    assert [voice["id"] for voice in HTTP.get(f"{server.url}/v1/audio/voices").json()["voices"]] == [
        "istft",
        "hifigan",
    ]
    assert HTTP.get(f"{server.url}/healthz").json()["status"] == "ok"
    metrics = HTTP.get(f"{server.url}/metrics").text
    for name in (
        "nix_tts_requests_total",
        "nix_tts_speech_seconds_total",
        "nix_tts_first_audio_seconds",
        "nix_tts_waiting",
    ):
        assert name in metrics


def test_voices_are_loaded_when_asked_for_and_let_go_when_memory_runs_short(voices):
    with serve(voices, max_memory=9.0) as running:
        store = running.app.state.server.voices
        assert list(store._loaded) == []
        for name in ("istft", "hifigan", "istft"):
            body = {"model": "tts-1", "input": "나무", "voice": name}
            assert HTTP.post(f"{running.url}/v1/audio/speech", json=body).status_code == 200
            assert list(store._loaded) == [name]
