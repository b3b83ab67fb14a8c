"""FFmpeg's WHIP muxer as a publisher, in a process of its own: a moving picture and a tone, until its input ends.

Arguments: the WHIP address, a directory for its certificate. The token is the first line of its input.
"""

import math
import subprocess
import sys
import threading
import time
from array import array
from fractions import Fraction
from pathlib import Path

import av

RATE, PICTURES = 48_000, 25
SAMPLES = 960


def certificate(directory: Path) -> tuple[Path, Path]:
    """FFmpeg makes none by itself."""
    key, chain = directory / "key.pem", directory / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=whip", "-keyout", key, "-out", chain], check=True, capture_output=True)
    return chain, key


def picture(number: int) -> av.VideoFrame:
    """A bright square that moves over a dark ground."""
    frame = av.VideoFrame(320, 240, "yuv420p")
    left = number * 4 % 280
    rows = bytearray()
    for row in range(240):
        line = bytearray([40]) * frame.planes[0].line_size
        if 100 <= row < 140:
            line[left:left + 40] = bytes([220]) * 40
        rows += line
    frame.planes[0].update(bytes(rows))
    for plane in frame.planes[1:]:
        plane.update(bytes([128]) * plane.buffer_size)
    frame.pts, frame.time_base = number, Fraction(1, PICTURES)
    return frame


def tone(number: int) -> av.AudioFrame:
    samples = array("h")
    for index in range(number * SAMPLES, (number + 1) * SAMPLES):
        value = int(12_000 * math.sin(2 * math.pi * 440 * index / RATE))
        samples.extend((value, value))
    frame = av.AudioFrame(format="s16", layout="stereo", samples=SAMPLES)
    frame.planes[0].update(samples.tobytes())
    frame.sample_rate, frame.pts, frame.time_base = RATE, number * SAMPLES, Fraction(1, RATE)
    return frame


def main() -> None:
    address, directory = sys.argv[1], Path(sys.argv[2])
    token = sys.stdin.readline().strip()
    chain, key = certificate(directory)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    output = av.open(address, "w", format="whip", options={
        "authorization": token, "cert_file": str(chain), "key_file": str(key)})
    video = output.add_stream("libx264", rate=PICTURES, options={
        "profile": "baseline", "tune": "zerolatency", "preset": "ultrafast", "g": str(PICTURES), "bf": "0"})
    video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
    audio = output.add_stream("libopus", rate=RATE)
    audio.layout = "stereo"
    began, pictures, tones = time.monotonic(), 0, 0
    while not ended.is_set():
        now = time.monotonic() - began
        if pictures <= now * PICTURES:
            output.mux(video.encode(picture(pictures)))
            pictures += 1
        elif tones * SAMPLES <= now * RATE:
            output.mux(audio.encode(tone(tones)))
            tones += 1
        else:
            time.sleep(0.002)
    output.close()


main()
