import Base

/// A multi-part upload that goes on where an earlier one was cut off.
///
/// Source: Amazon S3 API Reference, "Uploading and copying objects using multipart upload".
struct S3Upload {
    let client: S3Client
    let key: String
    let file: FileHandle
    let size: Int64
    /// A part's least length.
    let least: Int64
    let creation: [(name: String, value: String)]
    /// Parts on their way at once.
    private static let workers = 4
    /// The protocol's limit is 10,000.
    private static let mostParts: Int64 = 9_000

    private var dialect: S3Dialect { client.address.dialect }

    private struct Part: Sendable {
        var number: Int
        var tag: String
        var checksum: String
    }

    /// Lengths of whole MiB, so that another try cuts in the same places.
    private var partLength: Int64 {
        let needed = (size + S3Upload.mostParts - 1) / S3Upload.mostParts
        return max(least, (needed + (1 << 20) - 1) / (1 << 20) * (1 << 20))
    }

    func run() throws {
        let begun = try unfinished()
        let upload = try begun ?? begin()
        let present = begun == nil ? [:] : try parts(of: upload)
        let length = partLength
        let count = Int((size + length - 1) / length)
        let list = PartList()
        let queue = TransferQueue(workers: S3Upload.workers)
        defer { try? queue.finish() }
        for number in 1...count {
            let range = Int64(number - 1) * length..<min(Int64(number) * length, size)
            try queue.add {
                list.add(try put(number, range, upload, present[number]))
            }
        }
        try queue.finish()
        try complete(upload, list.sorted())
    }

    /// The newest upload of this key that nobody finished.
    private func unfinished() throws -> String? {
        let full = client.address.prefix + key
        let answer = try client.send("GET", nil, query: [("uploads", ""), ("prefix", full)])
        // It spares work only; whoever may not ask, or cannot, begins anew.
        guard answer.status == 200, let document = try? XMLElement(parsing: answer.body) else { return nil }
        return document.all("Upload").filter { $0["Key"]?.text == full }
            .max { ($0["Initiated"]?.text ?? "") < ($1["Initiated"]?.text ?? "") }?["UploadId"]?.text
    }

    private func begin() throws -> String {
        var headers = creation + [(name: "Content-Type", value: "application/octet-stream")]
        if dialect.hasSHA256 { headers.append((name: dialect.header + "checksum-algorithm", value: "SHA256")) }
        let answer = try client.send("POST", key, query: [("uploads", "")], headers: headers)
        try client.require(answer, [200], "begin to write '\(key)'")
        guard let upload = try XMLElement(parsing: answer.body)["UploadId"]?.text, !upload.isEmpty else {
            throw MLError(.io, "\(client.address.name) gives the upload of '\(key)' no id")
        }
        return upload
    }

    /// The parts that are there, by number.
    private func parts(of upload: String) throws -> [Int: (tag: String, size: Int64)] {
        var found: [Int: (tag: String, size: Int64)] = [:]
        var marker = "0"
        while true {
            let answer = try client.send(
                "GET", key, query: [("uploadId", upload), ("part-number-marker", marker)])
            guard answer.status == 200, let document = try? XMLElement(parsing: answer.body) else { return found }
            for part in document.all("Part") {
                guard let number = part["PartNumber"].flatMap({ Int($0.text) }), let tag = part["ETag"]?.text,
                    let size = part["Size"].flatMap({ Int64($0.text) })
                else { continue }
                found[number] = (tag, size)
            }
            guard document["IsTruncated"]?.text == "true", let next = document["NextPartNumberMarker"]?.text,
                next != marker
            else { return found }
            marker = next
        }
    }

    /// Sends a part, unless the very same bytes are there.
    private func put(
        _ number: Int, _ range: Range<Int64>, _ upload: String, _ present: (tag: String, size: Int64)?
    ) throws -> Part {
        let body = HTTPBody.file(file, range)
        let digest = try body.digest()
        let checksum = Base64.encode(digest.bytes)
        if let present, present.size == range.upperBound - range.lowerBound,
            try body.md5() == present.tag.lowercased().filter(\.isHexDigit)
        {
            Trace.note("part \(number) of '\(key)' is there")
            return Part(number: number, tag: present.tag, checksum: checksum)
        }
        let answer = try client.send(
            "PUT", key, query: [("partNumber", String(number)), ("uploadId", upload)],
            headers: dialect.checksum(body, digest), body: body, digest: digest)
        try client.require(answer, [200], "write part \(number) of '\(key)'")
        guard let tag = answer.headers["etag"] else {
            throw MLError(.io, "\(client.address.name) gives part \(number) of '\(key)' no tag")
        }
        return Part(number: number, tag: tag, checksum: checksum)
    }

    private func complete(_ upload: String, _ parts: [Part]) throws {
        let list = parts.map { part in
            let tag = part.tag.replacing("\"", with: "&quot;")
            let sum = dialect.hasSHA256 ? "<ChecksumSHA256>\(part.checksum)</ChecksumSHA256>" : ""
            return "<Part><PartNumber>\(part.number)</PartNumber><ETag>\(tag)</ETag>\(sum)</Part>"
        }
        let space = "http://s3.amazonaws.com/doc/2006-03-01/"
        let body = Array("<CompleteMultipartUpload xmlns=\"\(space)\">\(list.joined())</CompleteMultipartUpload>".utf8)
        let condition = [dialect.condition]
        var answer = try client.send("POST", key, query: [("uploadId", upload)], headers: condition, body: .bytes(body))
        if answer.status == 501 {
            answer = try client.send("POST", key, query: [("uploadId", upload)], body: .bytes(body))
        }
        if S3Failure.isPresent(answer) {
            _ = try client.send("DELETE", key, query: [("uploadId", upload)])
            return
        }
        // The first try may have come through though its answer was lost.
        if answer.status == 404, S3Failure(answer).code == "NoSuchUpload", try client.send("HEAD", key).status == 200 {
            return
        }
        try client.require(answer, [200], "finish '\(key)'")
        let document = try? XMLElement(parsing: answer.body)
        guard document?.name != "Error" else { throw client.error(answer, "finish '\(key)'") }
    }

    /// Parts from several threads.
    private final class PartList: @unchecked Sendable {
        private let mutex = Mutex()
        private var parts: [Part] = []
        func add(_ part: Part) { mutex.withLock { parts.append(part) } }
        func sorted() -> [Part] { mutex.withLock { parts.sorted { $0.number < $1.number } } }
    }
}
