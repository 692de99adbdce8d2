"""A client without manners: rude_client.py PORT DEED. Prints what came back, as JSON."""
import json, socket, sys, threading, time

port, deed = int(sys.argv[1]), sys.argv[2]


def connect():
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def answer(connection):
    data = b""
    try:
        while chunk := connection.recv(65536):
            data += chunk
    except OSError as error:
        return type(error).__name__
    return data.decode(errors="replace")


def post(body, path="/predict", more=""):
    return f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n{more}\r\n{body}".encode()


def good():
    connection = connect()
    connection.sendall(post('"word"', more="connection: close\r\n"))
    return answer(connection).split("\r\n")[0]


if deed == "slow-head":  # Never ends its headers.
    connection = connect()
    start, said = time.time(), ""
    try:
        connection.sendall(b"POST /predict HTTP/1.1\r\n")
        while time.time() - start < 15:
            connection.sendall(b"x: y\r\n")
            time.sleep(0.2)
    except (BrokenPipeError, ConnectionResetError):
        said = "cut"
    print(json.dumps({"said": said, "good": good()}))
elif deed == "slow-body":
    connection = connect()
    connection.sendall(post('"word"')[:-3])
    print(json.dumps({"said": answer(connection).split("\r\n")[0], "good": good()}))
elif deed == "idle":  # A thousand connections that say nothing.
    idle = [connect() for _ in range(1000)]
    first = good()
    for connection in idle:
        connection.close()
    print(json.dumps({"good": first, "after": good()}))
elif deed == "crowd":  # One connection more than the two that are allowed.
    before = [connect() for _ in range(2)]
    for connection in before:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        connection.recv(4096)
    connection = connect()
    connection.sendall(post('"word"'))
    text = answer(connection)
    for connection in before:
        connection.close()
    end, after = time.time() + 15, ""
    while "200" not in after and time.time() < end:
        after = good()
    print(json.dumps({"said": text.split("\r\n")[0] + (" later" if "retry-after: 1" in text else ""), "good": after}))
elif deed == "garbage":
    results = []
    for text in [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET\r\n\r\n", b"NOTHING / HTTP/9.9\r\n\r\n", b"\r\n" * 50,
                 b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: " + b"x" * 200_000 + b"\r\n\r\n",
                 b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
                 b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"]:
        connection = connect()
        try:  # Who says no does not listen to the end.
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        results.append(answer(connection).split("\r\n")[0])
    print(json.dumps({"said": results, "good": good()}))
elif deed == "cut-chunks":  # A body that turns out to be malformed on the way.
    connection = connect()
    connection.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\nx-request-id: mine\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n")
    text = answer(connection)
    print(json.dumps({"said": text.split("\r\n")[0] + (" mine" if "x-request-id: mine" in text else ""), "good": good()}))
elif deed == "gateway":  # HTTP/2 as HAProxy makes it of HTTP/1: 'host', and no ':authority'.
    def frame(kind, flags, stream, load):
        return len(load).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + load

    def field(start, value):
        return bytes([start, len(value)]) + value
    # HPACK's static table: 3 is POST, 6 the scheme, 4 the path, 38 the host.
    head = b"\x83\x86" + field(0x44, b"/predict") + field(0x66, b"models.example.org")
    connection = connect()
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4, 1, head) + frame(0, 1, 1, b'"word"'))
    data, said = b"", ""
    while not said:
        chunk = connection.recv(65536)
        data += chunk
        while len(data) >= 9 and len(data) >= 9 + (length := int.from_bytes(data[:3], "big")):
            if data[3] == 0:
                said += data[9:9 + length].decode()
            if data[3] == 3:
                said = "reset"
            data = data[9 + length:]
        if not chunk:
            said = said or "closed"
    print(json.dumps({"said": "label" if '"label"' in said else said, "good": good()}))
elif deed == "pipeline":  # Three requests at once, three answers in order.
    connection = connect()
    connection.sendall(b"".join(post(json.dumps({"text": word}), more="x-request-id: " + word + "\r\n") for word in ["a", "b"])
                       + post('"c"', more="connection: close\r\nx-request-id: c\r\n"))
    text = answer(connection)
    print(json.dumps({"ids": [line.split(": ")[1] for line in text.split("\r\n") if line.startswith("x-request-id")]}))
elif deed == "load":  # Eight connections for so many seconds; every answer is looked at.
    import collections, http.client
    seconds, end = float(sys.argv[3]), time.time() + float(sys.argv[3])
    versions, bad = collections.Counter(), []

    def work():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        while time.time() < end:
            try:
                connection.request("POST", "/predict", json.dumps({"text": "a fine film"}))
                response = connection.getresponse()
                body = json.loads(response.read())
                assert response.status == 200 and response.getheader("x-model-version") == body["version"], body
                versions[body["version"] + " " + str(body["probabilities"])] += 1
            except Exception as error:
                bad.append(repr(error))
                connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(json.dumps({"answers": versions, "bad": bad[:5]}))
