"""Home Assistant's protocol, with its library's client."""

import asyncio
import json

import numpy as np
import pytest
from serving import serve, unread_request, wait_for
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped, SynthesizeVoice

from espnet2_nix.runtime import Voice

TEXT = "나무가 많다. 물을 마신다."


async def until(client, last):
    """Events up to one of a type."""
    events = []
    while True:
        event = await asyncio.wait_for(client.read_event(), 60)
        assert event is not None
        events.append(event)
        if last.is_type(event.type):
            return events


def samples_of(events):
    chunks = [AudioChunk.from_event(event) for event in events if AudioChunk.is_type(event.type)]
    return np.concatenate([np.frombuffer(chunk.audio, dtype="<i2") for chunk in chunks]).astype(np.float32) / 32767


def talk(port, conversation):
    async def run():
        async with AsyncTcpClient("127.0.0.1", port) as client:
            return await conversation(client)

    return asyncio.run(run())


def test_voices_are_described(server):
    async def conversation(client):
        await client.write_event(Describe().event())
        return Info.from_event((await until(client, Info))[-1])

    (program,) = talk(server.wyoming_port, conversation).tts
    assert program.supports_synthesize_streaming
    assert [(voice.name, voice.languages) for voice in program.voices] == [("istft", ["ko"]), ("hifigan", ["ko"])]


def test_a_text_is_spoken_and_then_another(server, voices):
    async def conversation(client):
        spoken = []
        for text in (TEXT, "물."):
            await client.write_event(Synthesize(text, SynthesizeVoice(name="istft")).event())
            spoken.append(await until(client, AudioStop))
        return spoken

    first, second = talk(server.wyoming_port, conversation)
    assert AudioStart.from_event(first[0]).rate == 22050
    np.testing.assert_allclose(samples_of(first), Voice.load(voices / "istft").synthesize(TEXT).samples, atol=1e-4)
    assert 0 < len(samples_of(second)) < len(samples_of(first))


def test_audio_starts_before_the_text_has_ended(server):
    async def conversation(client):
        await client.write_event(SynthesizeStart(SynthesizeVoice(name="istft")).event())
        for part in ("나무가 ", "많다. 물", "을 마신다. 그리고"):
            await client.write_event(SynthesizeChunk(part).event())
        early = await until(client, AudioChunk)
        await client.write_event(
            Synthesize("나무가 많다. 물을 마신다. 그리고 간다.").event()
        )  # as Home Assistant repeats it
        await client.write_event(SynthesizeChunk(" 간다.").event())
        await client.write_event(SynthesizeStop().event())
        return early + await until(client, SynthesizeStopped)

    events = talk(server.wyoming_port, conversation)
    types = [event.type for event in events if not AudioChunk.is_type(event.type)]
    assert types == ["audio-start", "audio-stop", "synthesize-stopped"]
    assert len(samples_of(events)) > 22050 // 10


@pytest.mark.parametrize(
    ("text", "voice", "message"),
    [
        ("...", "istft", "nothing readable"),
        ("나무", "../x", "expected one of istft"),
        ("가" * 5000, None, "at most 4096"),
    ],
)
def test_what_is_refused_is_an_error_event_and_the_connection_lives_on(server, text, voice, message):
    async def conversation(client):
        await client.write_event(Synthesize(text, SynthesizeVoice(name=voice) if voice else None).event())
        error = Error.from_event((await until(client, Error))[-1])
        await client.write_event(Synthesize("나무").event())
        await until(client, AudioStop)
        return error

    assert message in talk(server.wyoming_port, conversation).text


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xff\n",
        b"{\n",
        b"[]\n",
        b'{"type": 3}\n',
        b'{"type": "synthesize"}\n',
        b'{"type": "synthesize", "data": {"text": 3, "voice": 4}}\n',
        b'{"type": "synthesize", "data": []}\n',
        b'{"type": "synthesize", "payload_length": 999999999999}\n',
        b'{"type": "synthesize", "data_length": "a"}\n',
        b"[" * 50_000 + b"\n",
        b"a" * 200_000 + b"\n",
        json.dumps({"type": "synthesize-chunk", "data": {"text": "a"}}).encode() + b"\n",
    ],
)
def test_what_is_no_event_ends_the_connection_and_nothing_else(server, line, caplog):
    async def run():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.wyoming_port)
        writer.write(line)
        try:
            writer.write_eof()
            return await asyncio.wait_for(reader.read(), 30)
        except OSError:
            return b""  # cut off before all was taken
        finally:
            writer.close()

    assert b"Traceback" not in asyncio.run(run())
    assert not [record for record in caplog.records if record.exc_info]
    test_voices_are_described(server)


def test_both_protocols_share_the_queue(voices):
    with serve(voices, max_requests=1, max_queue=0) as running:

        async def conversation(client):
            await client.write_event(Synthesize("나무").event())
            return Error.from_event((await until(client, Error))[-1])

        held = unread_request(running.port)
        wait_for(lambda: running.metric("nix_tts_active_requests") == 1)
        assert "busy" in talk(running.wyoming_port, conversation).text
        held.close()
