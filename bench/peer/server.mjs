// What a Node developer would build instead: express receives the message, pg stores it, socket.io sends it.
// Tuned fairly: a named statement, a pool, WebSocket only, no compression, no checks and no accounts.

import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import express from "express";
import pg from "pg";
import { Server } from "socket.io";

const INSERT = `
  WITH moved AS (UPDATE peer.rooms SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq)
  INSERT INTO peer.messages (id, room_id, seq, author, text)
  SELECT $2, $1, last_seq, $3, $4 FROM moved RETURNING seq, created_at`;

const pool = new pg.Pool({ max: 16 });
const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.use(express.json({ limit: "64kb" }));

const server = createServer(app);
server.keepAliveTimeout = 75_000;
const io = new Server(server, {
  transports: ["websocket"],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
});

io.on("connection", (socket) => {
  socket.on("join", (room) => {
    socket.join(room);
    socket.emit("joined", room);
  });
});

app.get("/livez", (request, response) => response.send("ok"));

app.post("/api/v1/rooms/:room/messages", async (request, response) => {
  const id = randomUUID();
  const room_id = request.params.room;
  const { text } = request.body;
  const author = request.get("authorization");
  const query = { name: "insert", text: INSERT, values: [room_id, id, author, text] };
  const { rows } = await pool.query(query);
  if (rows.length === 0) return response.status(404).end();
  const message = { room_id, seq: Number(rows[0].seq), text, id, author, created_at: rows[0].created_at };
  io.to(room_id).emit("message", message);
  response.status(201).json(message);
});

// Connects before the first request, like Parlance.
await pool.query("SELECT 1");
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  console.log(`127.0.0.1:${server.address().port}`);
});
process.on("SIGTERM", () => process.exit(0));
