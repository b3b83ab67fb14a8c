"""Recordings of calls: everybody is told, and the files that are posted at the end hold what was said and shown."""

import io
import time
import urllib.error
import urllib.request
from array import array

import av
import pytest

from accounts import Account
from caller import Caller, hook, wait_until
from expectations import SEEN, expect_pictures
from layers import RESIZE, height_of, scalable

# A node ends its files, uploads them and has them posted within this; a node that was killed has to start first.
POSTED = 20
# Until a call goes on at another node when its own was killed.
LOST = 8
# What a file may be longer or shorter than the clock on the wall says, and what picture and sound may differ by.
EXACT = 0.2

SEEK = """async (selector, time) => {
    const media = document.querySelector(selector);
    const next = event => new Promise((done, failed) => {
        media.addEventListener(event, done, { once: true });
        media.onerror = () => failed(media.error.message);
    });
    media.preload = "auto";
    if (media.readyState < 1) {
        const isLoaded = next("loadedmetadata");
        media.load();
        await isLoaded;
    }
    const isSeeked = next("seeked");
    media.currentTime = time;
    await isSeeked;
    media.muted = true;
    await media.play();
    const start = media.currentTime;
    await new Promise(done => { media.ontimeupdate = () => media.currentTime > start + 0.3 && done(); });
    media.pause();
    return { start, end: media.currentTime, duration: media.duration };
}"""


def recorded_message(account: Account, channel: str, since: int = 0) -> dict | None:
    """The newest message with files."""
    messages = account.call("GET", f"/channels/{channel}/messages")["messages"]
    with_files = [message for message in messages if message.get("attachments")]
    return with_files[-1] if len(with_files) > since else None


def download(account: Account, attachment: dict) -> bytes:
    request = urllib.request.Request(
        f"{account.url}/api/v1/files/{attachment['id']}", headers={"Authorization": f"Bearer {account.token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def is_loud(frame: av.AudioFrame) -> bool:
    """Of the decoder's samples, which are floats, one channel."""
    assert frame.format.name == "fltp"
    return max(array("f", bytes(frame.planes[0]))) > 0.01


class Track:
    """All of one file, decoded."""

    def __init__(self, data: bytes) -> None:
        with av.open(io.BytesIO(data)) as container:
            (stream,) = container.streams
            self.kind = stream.type
            self.codec = stream.codec_context.name
            self.duration = container.duration / av.time_base
            frames = list(container.decode(stream))
        self.frame_count = len(frames)
        self.heights = [frame.height for frame in frames] if self.kind == "video" else []
        self.start, self.end = float(frames[0].time), float(frames[-1].time)
        self.is_silent = self.kind == "audio" and not any(is_loud(frame) for frame in frames)


def tracks_of(account: Account, message: dict) -> dict[str, Track]:
    """By the names of the files."""
    return {one["name"]: Track(download(account, one)) for one in message["attachments"]}


def expect_banner(caller: Caller, name: str, seconds: float = SEEN) -> None:
    words = f'document.querySelector(`{hook("recording-banner")}`)?.textContent'
    wait_until(lambda: name in (caller.tab.evaluate(f"() => {words}") or ""), seconds, f"{caller.name} is told")


def expect_lost(*callers: Caller) -> None:
    """They are told in words that nothing is recorded any more, and why."""
    words = f'document.querySelector(`{hook("recording-over")}`)?.textContent'
    for caller in callers:
        wait_until(lambda: "another server" in (caller.tab.evaluate(f"() => {words}") or ""), LOST, f"{caller.name} is told")
        caller.expect_call_state("connected")


def test_S5_a_recorded_call_is_posted_as_files_that_play_and_seek(phones, team):
    """S5: two browsers of two makers; who comes later is told too; what is posted lasts as long as was recorded."""
    ada, bob = phones.meet(team, team.text, "firefox")
    ada.press("call-record")
    expect_banner(ada, "You")
    expect_banner(bob, "Ada")
    started_at = time.monotonic()
    cleo = phones.aiortc(team.people[2])
    cleo.join(team.text)
    wait_until(lambda: (cleo.report()["state"] or {}).get("recording"), SEEN, "Cleo is told as she joins")
    time.sleep(6)
    phones.picture("recorded")
    ada.press("call-record")
    length = time.monotonic() - started_at
    for caller in (ada, bob):
        wait_until(lambda: caller.count("recording-banner") == 0, SEEN, f"{caller.name} sees that it is over")

    message = wait_until(lambda: recorded_message(team.people[0], team.text), POSTED, "the recording is posted")
    assert message["authorID"] == team.people[0].user_id
    tracks = tracks_of(team.people[1], message)
    assert {track.codec for track in tracks.values()} <= {"opus", "libopus", "vp8", "libvpx", "h264"}
    (mixed,) = (track for name, track in tracks.items() if "everybody" in name)
    assert abs(mixed.duration - length) < EXACT + SEEN and not mixed.is_silent
    cameras = {name: track for name, track in tracks.items() if track.kind == "video"}
    sounds = {name: track for name, track in tracks.items() if track.kind == "audio" and track is not mixed}
    assert len(cameras) == 3 and len(sounds) == 3
    for person in ("Ada", "Bob"):
        (camera,) = (track for name, track in cameras.items() if person in name)
        (sound,) = (track for name, track in sounds.items() if person in name)
        assert camera.frame_count > 60 and not sound.is_silent
        assert abs(camera.end - sound.end) < EXACT, "picture and sound end together"
        assert abs(sound.end - mixed.end) < EXACT
    # Cleo's begin later, both at once.
    (camera,) = (track for name, track in cameras.items() if "Cleo" in name)
    (sound,) = (track for name, track in sounds.items() if "Cleo" in name)
    assert camera.start > 0.2 and abs(camera.start - sound.start) < 1

    ada.press("call-leave")
    for kind in ("video", "audio"):
        selector = f'{hook("message")} {kind}'
        wait_until(lambda: ada.tab.evaluate("one => document.querySelector(one) !== null", selector), SEEN, f"a {kind}")
        played = ada.tab.evaluate(SEEK, selector, 3)
        assert abs(played["start"] - 3) < 1 and played["end"] > played["start"]
    phones.picture("recording-posted")


def test_S5_of_one_stream_of_layers_the_largest_picture_is_recorded(phones, team):
    """Each picture once, and none of the smaller ones that it is made of."""
    ada = phones.chromium(team.people[0], team.text, preload=scalable("VP9", "L2T3"))
    bob = phones.chromium(team.people[1], team.text)
    ada.join()
    bob.join()
    expect_pictures(ada, bob, 15)
    bob.tab.evaluate(RESIZE, 720)
    wait_until(lambda: height_of(bob, ada) == 360, 30, "Bob sees Ada large")
    ada.press("call-record")
    expect_banner(bob, "Ada")
    time.sleep(4)
    ada.press("call-record")
    message = wait_until(lambda: recorded_message(team.people[0], team.text), POSTED, "the recording is posted")
    tracks = tracks_of(team.people[1], message)
    (camera,) = (track for name, track in tracks.items() if track.kind == "video" and "Ada" in name)
    assert camera.codec in ("vp9", "libvpx-vp9")
    # On a busy machine Chromium leaves the large picture out for a moment, and sends half of the 15 a second.
    assert camera.heights.count(360) > 0.8 * camera.frame_count
    assert 20 < camera.frame_count <= 15 * (camera.end - camera.start) + 5


def test_who_comes_into_a_recorded_call_is_asked_first(phones, team):
    """Nothing of Bob is sent until he agrees; then he is told of it wherever he looks."""
    ada, bob = phones.chromium(team.people[0], team.text), phones.chromium(team.people[1], team.text)
    ada.join()
    ada.press("call-record")
    expect_banner(ada, "You")
    for answer in ("consent-leave", "consent-join"):
        bob.press("call-button")
        bob.wait_for("prejoin-dialog")
        bob.press("prejoin-join")
        bob.wait_for("consent-dialog", SEEN)
        assert "Ada" in bob.tab.evaluate("one => document.querySelector(one).textContent", hook("consent-dialog"))
        ada.expect_tile(bob, SEEN, video="false", muted="true")
        phones.picture("consent")
        assert bob.tab.evaluate("() => window.__peerConnections.length") == 0, "nothing can be sent"
        bob.press(answer)
        if answer == "consent-leave":
            ada.expect_no_tile(bob.user_id, SEEN)
            assert bob.call_state is None
    bob.expect_call_state("connected")
    expect_pictures(ada, bob)
    expect_banner(bob, "Ada")
    bob.choose_channel(team.voice)
    bob.wait_for("call-bar")
    expect_banner(bob, "Ada")
    phones.picture("recorded-elsewhere")
    ada.press("call-record")
    bob.wait_for("recording-over", SEEN)
    bob.press("recording-seen")
    wait_until(lambda: bob.count("recording-over") == 0, SEEN, "Bob has seen it")


def test_who_may_not_record_is_refused(phones, team):
    ada, bob = phones.meet(team, team.text)
    with pytest.raises(urllib.error.HTTPError) as refusal:
        team.people[1].call("POST", f"/channels/{team.text}/call/recording")
    assert refusal.value.code == 403
    with pytest.raises(urllib.error.HTTPError) as refusal:
        team.people[0].call("DELETE", f"/channels/{team.text}/call/recording")
    assert refusal.value.code == 404
    assert ada.count("recording-banner") == bob.count("recording-banner") == 0


def test_what_a_killed_node_has_recorded_is_posted_when_it_is_back(phones, team, stack):
    """kill -9 in the midst of it: the files end at their last whole frame, and play. The call goes on at the other node: that it
    is not recorded there is told to all, and Ada can begin again."""
    ada, bob = phones.meet(team, team.text)
    ada.press("call-record")
    expect_banner(bob, "Ada")
    started_at = time.monotonic()
    time.sleep(5)
    node = stack.media_node_of(ada.media()["remote"]["port"])
    stack.run("kill", node)
    length = time.monotonic() - started_at
    expect_lost(ada, bob)
    phones.picture("recording-lost")
    assert bob.count("record-again") == 0, "it was Ada's recording"
    ada.press("record-again")
    expect_banner(bob, "Ada", 2)
    stack.run("start", node)
    message = wait_until(lambda: recorded_message(team.people[0], team.text), POSTED, "what was left is posted")
    tracks = tracks_of(team.people[1], message)
    assert len(tracks) >= 5
    for name, track in tracks.items():
        # What is on the disk is at most about a second old, and the mixed sound waits for one more.
        assert track.frame_count > 30 and length - 3 < track.end < length + SEEN, name
