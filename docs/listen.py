"""Prints what happens in a room, and resumes after a break. Needs: pip install websockets"""

import asyncio, json, sys, urllib.request
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def listen(base, name):
    rooms = json.load(urllib.request.urlopen(f"{base}/api/v1/rooms?limit=100"))["items"]
    room = next(room for room in rooms if room["name"].lower() == name.lower())
    rev = max(0, room["rev"] - 10)  # the last few changes, and then what comes
    async for socket in connect(base.replace("http", "ws", 1) + "/api/v1/ws", subprotocols=["parlance.v1.json"]):
        try:
            await socket.send(json.dumps({"type": "subscribe", "room_id": room["id"], "since": rev}))
            async for frame in socket:
                event = json.loads(frame)
                if event["type"] == "resync":
                    print("More than 1,000 changes were missed: read them at /changes?since", rev, flush=True)
                if event.get("room_id") == room["id"] and "message" in event:
                    rev = event["rev"]
                    print(event["type"], event["message"]["author"]["username"], "|", event["message"]["text"], flush=True)
        except (ConnectionClosed, OSError):
            pass  # connect waits a moment and tries again


asyncio.run(listen(sys.argv[1], sys.argv[2]))
