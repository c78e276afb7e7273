"""Prints what happens in a room, and resumes after a break. Needs nothing but Python."""

import json, sys, time, urllib.request
from http.client import HTTPException


def get(base, path):
    return json.load(urllib.request.urlopen(base + "/api/v1" + path, timeout=30))


def listen(base, name):
    room = next(room for room in get(base, "/rooms?limit=100")["items"] if room["name"].lower() == name.lower())
    rev = max(0, room["rev"] - 10)  # the last few changes, and then what comes
    epoch = ""
    while True:
        try:
            # A comment comes every 15 seconds, so silence means that the connection is dead.
            url = f"{base}/api/v1/rooms/{room['id']}/events?since={rev}{epoch}"
            events = urllib.request.urlopen(url, timeout=30)
            epoch = "&epoch=" + events.headers["Parlance-Epoch"]
            for line in events:
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "data":
                    event = json.loads(value)
                    if event["type"] in ("room_removed", "room_deleted"):
                        return print("The room is gone.")
                    rev = event["rev"]
                    if message := event.get("message"):
                        text = "(deleted)" if message["deleted_at"] else message["text"] or "(files)"
                        print(rev, message["author"]["username"], "|", text, flush=True)
        except (OSError, HTTPException) as error:
            code = getattr(error, "code", 503)
            if code == 422:  # the server was restored from a backup
                return listen(base, name)
            if code not in (429, 503):
                raise
        time.sleep(1)


listen(sys.argv[1], sys.argv[2])
