// A broadcast server on Debian's node-ws, the peer of `make bench`: what is posted to /publish/N goes to every WebSocket
// at /subscribe/CHANNELS with CHANNELS > N. Usage: node broadcast.js PORT, with NODE_PATH=/usr/share/nodejs.
"use strict";

const http = require("http");
const { WebSocket, WebSocketServer } = require("ws");

const [port] = process.argv.slice(2).map(Number);

// By the number of channels that they read.
const readers = new Map();

const server = http.createServer((request, response) => {
    const match = /^\/publish\/(\d+)$/.exec(request.url);
    if (request.method !== "POST" || !match) {
        response.writeHead(404).end();
        return;
    }
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
        broadcast(Number(match[1]), Buffer.concat(parts));
        response.writeHead(204).end();
    });
});

function broadcast(channel, frame) {
    for (const [channels, sockets] of readers) {
        if (channels <= channel) continue;
        for (const socket of sockets) {
            if (socket.readyState === WebSocket.OPEN) socket.send(frame, { binary: false });
        }
    }
}

const sockets = new WebSocketServer({ server, perMessageDeflate: process.env.DEFLATE === "1" });

sockets.on("connection", (socket, request) => {
    const channels = Number(/^\/subscribe\/(\d+)$/.exec(request.url)?.[1] ?? 0);
    if (!readers.has(channels)) readers.set(channels, new Set());
    readers.get(channels).add(socket);
    socket.on("error", () => socket.terminate());
    socket.on("close", () => readers.get(channels).delete(socket));
});

server.listen({ port, host: "127.0.0.1", backlog: 4096 });
