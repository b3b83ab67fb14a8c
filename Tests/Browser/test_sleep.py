"""Two browsers asleep while very much happens: awake again, both show what there is, and nothing else."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import expect

from accounts import Account, make_team

IS_FULL = os.environ.get("ROOST_TEST_FULL") is not None
SLEEP_SECONDS = 60 if IS_FULL else 20
MESSAGES, EDITS, DELETES = 2_000, 200, 100
# From waking until everything is there, on a machine that has much else to do.
AWAKE_SECONDS = 45

SHOWN = """() => [...document.querySelectorAll('[data-testid=message][data-state=sent]')]
    .map(row => [row.dataset.messageId, row.querySelector('.markdown').textContent.trim()])"""


def test_S3_O17_two_tabs_asleep_while_two_thousand_messages_come_are_equal_after_waking(stack, person):
    """S3, O17: one page halted in its browser, one cut off from the network; messages, edits and deletes meanwhile."""
    team = make_team(stack.url, "ada", "bob", "cleo", "dora", "emil")
    proxy = stack.proxy()
    ada = person("ada")
    ada.sign_in(team.people[0].username)
    bob = person("bob", base=f"http://127.0.0.1:{proxy.port}")
    bob.sign_in(team.people[1].username)
    for someone in (ada, bob):
        someone.open_channel("general")
        expect(someone.page.get_by_test_id("composer")).to_be_visible()
    writers = team.people[2:]
    before = write(writers[0], team.text, "before the sleep")
    for someone in (ada, bob):
        expect(someone.message("before the sleep")).to_be_visible()

    # Headless Chromium ignores Page.setWebLifecycleState, for its pages are never hidden; a debugger halts them as well.
    devtools = ada.page.context.new_cdp_session(ada.page)
    devtools.send("Debugger.enable")
    devtools.send("Debugger.pause")
    assert proxy.cut() > 0
    asleep_at = time.monotonic()
    happen(writers, team.text)
    # What is unread elsewhere is counted anew too.
    side = [write(writers[0], team.voice, f"side {number}") for number in range(30)]
    for message in side[:10]:
        writers[0].call("DELETE", f"/channels/{team.voice}/messages/{message['id']}")
    print(f"all of it took {time.monotonic() - asleep_at:.1f} s")
    time.sleep(max(0, SLEEP_SECONDS - (time.monotonic() - asleep_at)))
    devtools.send("Debugger.resume")
    devtools.send("Debugger.disable")
    proxy.restore()

    woke_at = time.monotonic()
    truth = history(team.people[0], team.text, before["id"])
    assert len(truth) == 1 + MESSAGES - DELETES
    for someone in (ada, bob):
        expect_shown(someone, truth)
        someone.expect_current()
        someone.expect_waiting("lounge", 20)
        print(f"{someone.name} had it all {time.monotonic() - woke_at:.1f} s after waking")
    proxy.close()


def expect_shown(someone, truth: list[list[str]]) -> None:
    """The page shows these messages, in this order and no others after the first."""
    deadline = time.monotonic() + AWAKE_SECONDS
    while (shown := since(truth[0][0], someone.page.evaluate(SHOWN))) != truth and time.monotonic() < deadline:
        someone.page.wait_for_timeout(250)
    assert shown == truth, f"{someone.name} shows something else"


def happen(writers: tuple[Account, ...], channel: str) -> None:
    """2,000 messages of three people at once, then 200 edits and 100 deletes of some of them, all over the list."""
    with ThreadPoolExecutor(12) as pool:
        sent = list(pool.map(lambda number: (writers[number % 3], write(writers[number % 3], channel, f"message {number}")),
                             range(MESSAGES)))
        changed = sent[:: MESSAGES // (EDITS + DELETES)][: EDITS + DELETES]
        for index, (author, message) in enumerate(changed):
            path = f"/channels/{channel}/messages/{message['id']}"
            if index % 3 == 2:
                pool.submit(author.call, "DELETE", path)
            else:
                pool.submit(author.call, "PATCH", path, content=f"{message['content']}, edited")


def write(account: Account, channel: str, text: str) -> dict:
    key = f"sleep-{text.replace(' ', '-')}"
    return account.call("POST", f"/channels/{channel}/messages", content=text, idempotencyKey=key)


def history(reader: Account, channel: str, first: str) -> list[list[str]]:
    """Id and text of each message from `first` on, as the API has them."""
    messages: list[dict] = []
    before = None
    while not any(message["id"] == first for message in messages):
        query = "?limit=200" + (f"&before={before}" if before else "")
        page = reader.call("GET", f"/channels/{channel}/messages{query}")
        messages = page["messages"] + messages
        before = page.get("before")
    return since(first, [[message["id"], message["content"]] for message in messages])


def since(first: str, rows: list[list[str]]) -> list[list[str]]:
    ids = [row[0] for row in rows]
    return rows[ids.index(first):] if first in ids else []
