"""Prints what happens in a room, and resumes after a break. Needs: pip install websockets"""

import asyncio, json, sys, urllib.request
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


def get(base, path):
    return json.load(urllib.request.urlopen(base + "/api/v1" + path))


def show(message):
    print(message["rev"], message["author"]["username"], "|", message["text"] or "(deleted)", flush=True)
    return message["rev"]


async def listen(base, name):
    room = next(room for room in get(base, "/rooms?limit=100")["items"] if room["name"].lower() == name.lower())
    rev = max(0, room["rev"] - 10)  # the last few changes, and then what comes
    async for socket in connect(base.replace("http", "ws", 1) + "/api/v1/ws", subprotocols=["parlance.v1.json"]):
        try:
            await socket.send(json.dumps({"type": "subscribe", "room_id": room["id"], "since": rev}))
            async for frame in socket:
                event = json.loads(frame)
                if event.get("room_id") != room["id"]:
                    continue
                if event["type"] == "resync":  # more than 1,000 changes were missed: they are to be fetched
                    more = True
                    while more:
                        page = get(base, f"/rooms/{room['id']}/changes?since={rev}&limit=100")
                        for message in page["messages"]:
                            show(message)
                        rev, more = page["rev"], page["has_more"]
                elif "message" in event and event["rev"] > rev:
                    rev = show(event["message"])
        except (ConnectionClosed, OSError):
            pass  # connect waits a moment and tries again


asyncio.run(listen(sys.argv[1], sys.argv[2]))
