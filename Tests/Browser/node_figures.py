"""What the media nodes of a stack say of themselves: who sends what to whom, and how often something was sent again."""

import json
import re
from urllib.request import urlopen

from conftest import Stack

SAMPLE = re.compile(r'^roost_media_(\w+)\{link="(\w+)"\} (\d+)$|^roost_media_(\w+) (\d+)$', re.M)


def media_counters(stack: Stack) -> dict[str, int]:
    """Of all nodes together, `received_packets_total`, and such as `nacked_packets_total subscriber` of one side."""
    counters: dict[str, int] = {}
    for page in pages(stack, "/metrics"):
        for labelled, link, count, plain, plain_count in SAMPLE.findall(page):
            name = f"{labelled} {link}" if labelled else plain
            counters[name] = counters.get(name, 0) + int(count or plain_count)
    return counters


def participants(stack: Stack, channel: str) -> list[dict]:
    """Who is in the call of a channel, as `/stats` of its node has it: `userID`, `transport`, `published`, `received` …"""
    return [participant for page in pages(stack, "/stats") for room in json.loads(page) if room["channelID"] == channel
            for participant in room["participants"]]


def section_of(stack: Stack, channel: str, watcher: str, actor: str, source: str) -> str | None:
    """The mid on which a person now gets that source of another, both by the id of the user."""
    seated = participants(stack, channel)
    seats = {one["participantID"] for one in seated if one["userID"] == actor}
    sections = [section for one in seated if one["userID"] == watcher for section in one["received"]]
    return next((one["mid"] for one in sections if one.get("from") in seats and one.get("source") == source), None)


def pages(stack: Stack, path: str) -> list[str]:
    return [urlopen(url + path).read().decode() for url in stack.variables["ROOST_MEDIA_URLS"].split(",")]
