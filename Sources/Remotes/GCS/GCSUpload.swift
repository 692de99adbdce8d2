import Base

/// An upload to Google Cloud Storage: in one request when it is short, else in parts that go on after a broken line.
///
/// Source: Cloud Storage documentation, "Uploads: multipart" and "Resumable uploads".
struct GCSUpload {
    let client: GCSClient
    let object: String
    let file: FileHandle
    let size: Int64
    let storageClass: String?

    /// What goes in one request, in bytes.
    private static let single: Int64 = 8 << 20
    /// A multiple of 256 KiB, as the API demands.
    private static let part: Int64 = 16 << 20
    private static let tries = 6

    func run() throws {
        var hasher = MD5Hasher()
        for start in stride(from: Int64(0), to: size, by: 1 << 20) {
            hasher.update(try file.read(count: Int(min(1 << 20, size - start)), at: start))
        }
        var about: JSONObject = [
            "name": .string(object), "md5Hash": .string(Base64.encode(Hex.decode(hasher.finish()) ?? [])),
            "contentType": "application/octet-stream",
        ]
        if let storageClass { about["storageClass"] = .string(storageClass) }
        let text = Array(JSON.object(about).compact().utf8)
        if size <= GCSUpload.single { try inOne(text) } else { try inParts(text) }
    }

    /// MD5 as the service spells it: in Base64.
    static func md5(_ bytes: [UInt8]) -> String {
        var hasher = MD5Hasher()
        hasher.update(bytes)
        return Base64.encode(Hex.decode(hasher.finish()) ?? [])
    }

    private func inOne(_ about: [UInt8]) throws {
        // A boundary that cannot be in the content: it would have to hold its own hash.
        let content = try file.read(count: Int(size), at: 0)
        let boundary = "git-ml-" + ObjectID.of(content).hex
        var body = Array("--\(boundary)\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".utf8) + about
        body += Array("\r\n--\(boundary)\r\nContent-Type: application/octet-stream\r\n\r\n".utf8)
        body += content
        body += Array("\r\n--\(boundary)--\r\n".utf8)
        let answer = try client.send(
            "POST", client.uploads, [("uploadType", "multipart"), ("ifGenerationMatch", "0")],
            headers: ["Content-Type: multipart/related; boundary=\(boundary)"], body: body)
        // 412: somebody else was quicker, with the same content.
        try client.require(answer, [200, 201, 412], "write '\(object)'")
    }

    private func inParts(_ about: [UInt8]) throws {
        let begun = try client.send(
            "POST", client.uploads, [("uploadType", "resumable"), ("ifGenerationMatch", "0")],
            headers: [
                "Content-Type: application/json; charset=UTF-8", "X-Upload-Content-Type: application/octet-stream",
                "X-Upload-Content-Length: \(size)",
            ], body: about)
        if begun.status == 412 { return }
        try client.require(begun, [200, 201], "write '\(object)'")
        guard let session = begun.headers["location"] else {
            throw MLError(.io, "\(client.name) names no place to write '\(object)' to")
        }
        var position: Int64 = 0
        var backoff = Backoff()
        var failures = 0
        while true {
            let answer = try send(position..<min(position + GCSUpload.part, size), to: session)
            switch answer?.status {
            case 308?:
                position = GCSUpload.position(answer)
                failures = 0
            case 200?, 201?, 412?: return
            case nil, 408?, 429?, 500?, 502?, 503?, 504?:
                failures += 1
                guard failures < GCSUpload.tries else {
                    throw MLError(.io, "\(client.name) takes no more of '\(object)' after byte \(position)")
                }
                backoff.pause()
                // What arrived of the part is known to the session alone.
                let state = try client.send("PUT", session, headers: ["Content-Range: bytes */\(size)"], body: [])
                if [200, 201].contains(state.status) { return }
                try client.require(state, [308], "go on to write '\(object)'")
                position = GCSUpload.position(state)
            default:
                if let answer { try client.require(answer, [308], "write '\(object)'") }
            }
        }
    }

    /// One part, once.
    ///
    /// - Returns: nil when no answer came.
    private func send(_ range: Range<Int64>, to session: String) throws -> HTTPRequest.Answer? {
        let span = "\(range.lowerBound)-\(range.upperBound - 1)"
        var request = try client.request("PUT", session, [], ["Content-Range: bytes \(span)/\(size)"])
        request.stream = HTTPStream(file, range)
        request.followsRedirects = false
        switch try request.perform() {
        case .answer(let answer): return answer
        case .failure(_, let error):
            Trace.note("part \(span) of '\(object)': \(error)")
            return nil
        }
    }

    /// The first byte that is not there yet: `Range: bytes=0-262143` names what is.
    private static func position(_ answer: HTTPRequest.Answer?) -> Int64 {
        (answer?.headers["range"]?.split(separator: "-").last).flatMap { Int64($0) }.map { $0 + 1 } ?? 0
    }
}
