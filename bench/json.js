// A server that parses the JSON of a request, serializes it again and returns it, which is the minimum work of any
// transformer on Node.js. Usage: node bench/json.js PORT
"use strict";
require("http")
  .createServer((request, response) => {
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
      const text = Buffer.concat(pieces).toString();
      const body = text ? JSON.stringify(JSON.parse(text)) : "{}";
      response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
      response.end(body);
    });
  })
  .listen(Number(process.argv[2]), "127.0.0.1");
