"""People and places made over the HTTP API, for tests whose subject begins after signing in."""

import json
import urllib.request
import uuid
from dataclasses import dataclass

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Account:
    """Somebody who is signed in over the API."""

    url: str
    name: str
    user_id: str
    username: str
    token: str

    def call(self, method: str, path: str, **body):
        return request(self.url, method, path, self.token, body)


@dataclass(frozen=True)
class Team:
    """People in one workspace, all of whom are in all of these channels."""

    people: tuple[Account, ...]
    workspace: str
    text: str
    voice: str

    def direct(self, one: Account, other: Account) -> str:
        """The id of the conversation of two."""
        return one.call("POST", f"/workspaces/{self.workspace}/direct", userID=other.user_id)["id"]


def register(url: str, name: str) -> Account:
    username = f"{name}_{uuid.uuid4().hex[:8]}"
    signed_in = request(url, "POST", "/auth/register", None, {
        "email": f"{username}@example.org", "username": username, "displayName": name.capitalize(),
        "password": PASSWORD, "refreshDelivery": "body"})
    return Account(url, name, signed_in["user"]["id"], username, signed_in["accessToken"])


def make_team(url: str, *names: str) -> Team:
    """A workspace of these people with `general` and the voice channel `lounge`."""
    people = tuple(register(url, name) for name in names)
    owner, *others = people
    workspace = owner.call("POST", "/workspaces", name="Analytical Engines")["id"]
    voice = owner.call("POST", f"/workspaces/{workspace}/channels", name="lounge", kind="voice")["id"]
    channels = owner.call("GET", f"/workspaces/{workspace}/channels")["channels"]
    text = next(channel["id"] for channel in channels if channel["name"] == "general")
    invite = owner.call("POST", f"/workspaces/{workspace}/invites")["code"]
    for person in others:
        person.call("POST", f"/invites/{invite}/accept")
        person.call("POST", f"/channels/{voice}/join")
    return Team(people, workspace, text, voice)


def request(url: str, method: str, path: str, token: str | None, body: dict):
    """An operation of the API and its answer. Raises urllib.error.HTTPError when it is refused."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if method == "GET" else json.dumps(body).encode()
    outgoing = urllib.request.Request(f"{url}/api/v1{path}", data, headers, method=method)
    with urllib.request.urlopen(outgoing, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else None
