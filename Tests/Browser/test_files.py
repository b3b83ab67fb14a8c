"""Files in messages: attached by button, paste and drag, shown, played and sought, in two browsers."""

import base64
import io
import struct
import wave
import zlib

from playwright.sync_api import expect

# The largest step of a clock that a player shows after a seek.
SEEK_TOLERANCE = 0.3


def picture(width: int, height: int) -> bytes:
    """A PNG of one colour."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    row = b"\x00" + b"\xb4\x47\x2a" * width
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b""))


def sound(seconds: int) -> bytes:
    """Silence that is long enough to seek in."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(bytes(2 * 16_000 * seconds))
    return file.getvalue()


def attach(person, *files: tuple[str, str, bytes]) -> None:
    person.page.get_by_test_id("file-chooser").set_input_files(
        [{"name": name, "mimeType": kind, "buffer": data} for name, kind, data in files])


def hand_over(person, event: str, target: str, name: str, kind: str, data: bytes) -> None:
    """What the browser does when a file is pasted or dropped."""
    person.page.evaluate(
        """([event, target, name, kind, data]) => {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, { type: kind }));
            const element = document.querySelector(target);
            const options = { bubbles: true, cancelable: true };
            if (event === "paste") {
                element.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: transfer }));
                return;
            }
            for (const name of ["dragenter", "dragover", "drop"]) {
                element.dispatchEvent(new DragEvent(name, { ...options, dataTransfer: transfer }));
            }
        }""", [event, target, name, kind, base64.b64encode(data).decode()])


def pending(person, state: str):
    return person.page.locator(f'[data-testid="pending-file"][data-state="{state}"]')


def test_files_are_attached_sent_shown_played_and_sought(pair):
    """What one attaches by button, paste and drag the other sees in place, without a jump, and seeks in."""
    ada, bob, _ = pair
    attach(ada, ("roost.png", "image/png", picture(900, 600)), ("plan.txt", "text/plain", b"first plan"))
    hand_over(ada, "paste", "#composer", "pasted.png", "image/png", picture(64, 64))
    hand_over(ada, "drop", "#channel", "call.wav", "audio/wav", sound(40))
    expect(pending(ada, "ready")).to_have_count(4)
    ada.send("Look at these")
    expect(ada.message("Look at these")).to_have_attribute("data-state", "sent")
    expect(ada.page.get_by_test_id("pending-file")).to_have_count(0)

    row = bob.message("Look at these")
    expect(row.get_by_test_id("attachment")).to_have_count(4)
    image = row.locator('img[alt="roost.png"]')
    expect(image).to_be_visible()
    bob.page.wait_for_function("() => document.querySelector('img[alt=\"roost.png\"]').naturalWidth === 900")
    box = image.locator("..").bounding_box()
    assert abs(box["width"] - 400) < 2 and abs(box["height"] - 400 * 2 / 3) < 2, box

    player = row.locator("audio")
    player.evaluate("element => new Promise((resolve) => {"
                    "  if (element.readyState > 0) resolve(); else element.onloadedmetadata = resolve; })")
    assert abs(player.evaluate("element => element.duration") - 40) < SEEK_TOLERANCE
    player.evaluate("element => new Promise((resolve) => { element.onseeked = resolve; element.currentTime = 33; })")
    assert abs(player.evaluate("element => element.currentTime") - 33) < SEEK_TOLERANCE

    with bob.page.expect_download() as download:
        row.get_by_role("link", name="plan.txt").click()
    assert download.value.suggested_filename == "plan.txt"
    with open(download.value.path(), "rb") as file:
        assert file.read() == b"first plan"

    # A message of files alone; what is taken off does not go with it.
    attach(ada, ("one.zip", "application/zip", b"one"), ("two.zip", "application/zip", b"two"))
    expect(pending(ada, "ready")).to_have_count(2)
    ada.page.get_by_role("button", name="Take off one.zip").click()
    ada.page.get_by_test_id("send").click()
    card = bob.page.get_by_test_id("attachment").filter(has_text="two.zip")
    expect(card).to_be_visible()
    expect(bob.page.get_by_text("one.zip")).to_have_count(0)


def test_an_attachment_survives_a_failed_send_and_a_refused_file_says_what_to_do(pair):
    """What is attached stays with its message until it is sent; a file that is refused can be taken off."""
    ada, bob, _ = pair
    attach(ada, ("kept.png", "image/png", picture(40, 40)))
    expect(pending(ada, "ready")).to_have_count(1)
    ada.page.route("**/messages", lambda route: route.fulfill(
        status=422, content_type="application/problem+json",
        body='{"type":"about:blank","title":"No","status":422,"code":"validation_failed","detail":"Not now."}'))
    ada.send("with a picture")
    expect(ada.message("with a picture")).to_have_attribute("data-state", "failed")
    expect(ada.message("with a picture").get_by_test_id("attachment")).to_have_count(1)
    ada.page.unroute("**/messages")
    ada.page.reload()
    ada.expect_current()
    ada.message("with a picture").get_by_test_id("retry-message").click()
    expect(bob.message("with a picture").locator('img[alt="kept.png"]')).to_be_visible()

    attach(ada, ("empty.txt", "text/plain", b""))
    expect(pending(ada, "failed")).to_contain_text("empty")
    expect(ada.page.get_by_test_id("composer-note")).to_contain_text("off, then send")
    ada.page.get_by_test_id("remove-file").click()
    expect(ada.page.get_by_test_id("pending-file")).to_have_count(0)
