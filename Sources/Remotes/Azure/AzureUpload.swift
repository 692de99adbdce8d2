import Base

/// An upload in blocks that goes on where an earlier one was cut off.
///
/// Source: Azure Storage REST API, "Put Block", "Get Block List", "Put Block List". A block's name holds its MD5, so a block
/// that is there is known to be the same.
struct AzureUpload {
    let client: AzureClient
    let key: String
    let file: FileHandle
    let size: Int64
    /// A block's least length.
    let least: Int64
    private static let workers = 4
    /// The service's limit is 50,000.
    private static let mostBlocks: Int64 = 45_000

    func run() throws {
        let needed = (size + AzureUpload.mostBlocks - 1) / AzureUpload.mostBlocks
        let length = max(least, needed)
        let count = Int((size + length - 1) / length)
        let present = try uncommitted()
        let names = NameList(count: count)
        let queue = TransferQueue(workers: AzureUpload.workers)
        defer { try? queue.finish() }
        for number in 0..<count {
            let range = Int64(number) * length..<min(Int64(number + 1) * length, size)
            try queue.add { names.set(number, try put(number, range, present)) }
        }
        try queue.finish()
        let list = names.all().map { "<Latest>\($0)</Latest>" }.joined()
        let body = Array("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>\(list)</BlockList>".utf8)
        let answer = try client.send(
            "PUT", key, [("comp", "blocklist")],
            headers: [
                (name: "If-None-Match", value: "*"),
                (name: "x-ms-blob-content-type", value: "application/octet-stream"),
            ], body: .bytes(body))
        // 409, 412: somebody else was quicker, with the same content.
        try client.require(answer, [201, 409, 412], "finish '\(key)'")
    }

    /// Names of blocks that an earlier try left.
    private func uncommitted() throws -> Set<String> {
        let answer = try client.send("GET", key, [("comp", "blocklist"), ("blocklisttype", "uncommitted")])
        // It spares work only.
        guard answer.status == 200, let document = try? XMLElement(parsing: answer.body) else { return [] }
        return Set(document["UncommittedBlocks"]?.all("Block").compactMap { $0["Name"]?.text } ?? [])
    }

    private func put(_ number: Int, _ range: Range<Int64>, _ present: Set<String>) throws -> String {
        let body = HTTPBody.file(file, range)
        let sum = try body.md5()
        let digits = String(number)
        // All names must be of one length.
        let name = Base64.encode(Array((String(repeating: "0", count: 5 - digits.count) + digits + "-" + sum).utf8))
        if present.contains(name) {
            Trace.note("block \(number) of '\(key)' is there")
            return name
        }
        let answer = try client.send(
            "PUT", key, [("comp", "block"), ("blockid", name)],
            headers: [(name: "Content-MD5", value: Base64.encode(Hex.decode(sum) ?? []))], body: body)
        try client.require(answer, [201], "write block \(number) of '\(key)'")
        return name
    }

    /// Names from several threads, in order.
    private final class NameList: @unchecked Sendable {
        private let mutex = Mutex()
        private var names: [String]
        init(count: Int) { names = Array(repeating: "", count: count) }
        func set(_ number: Int, _ name: String) { mutex.withLock { names[number] = name } }
        func all() -> [String] { mutex.withLock { names } }
    }
}
