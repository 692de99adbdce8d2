import Base
import Remotes
import TestSupport
import Testing

/// What every driver over HTTP must survive, and how it must fail when it cannot. A driver's test calls `run` in one line.
struct ConformanceFaults: Sendable {
    let box: Sandbox
    /// The real server.
    let server: String
    let upload: String
    /// Opens the storage at an address: that of the server or of a proxy before it.
    let open: @Sendable (String) throws -> any Storage

    /// - Parameters:
    ///   - upload: the method that contents are sent with.
    ///   - checksUploads: whether the server notices a body that changed on its way.
    ///   - checksDownloads: whether a whole content is compared with a checksum of the storage's; packs have their own.
    static func run(
        _ box: Sandbox, server: String, upload: String = "PUT", checksUploads: Bool, checksDownloads: Bool = true,
        _ open: @escaping @Sendable (String) throws -> any Storage
    ) throws {
        let faults = ConformanceFaults(box: box, server: server, upload: upload, open: open)
        let all =
            [
                "delay=0.2x3", "status=500x2", "status=429", "status=503:\(upload)", "retry=1:\(upload)",
                "retry=date:GET",
                "drop", "drop:\(upload)", "lost:\(upload)", "late=500:\(upload)", "cut=10:GET", "drop:GETx2",
                "throttle=2000000:GET", "drop:DELETE",
            ] + (checksUploads ? ["spoil=100:\(upload)"] : [])
        // Mostly waiting: at the same time. Threads cannot say which test they belong to, so they hand back words.
        let problems = try parallelMap(count: all.count, workers: 8) { try faults.survives(all[$0]) }
        #expect(problems.joined().isEmpty, "\(problems.joined().joined(separator: "; "))")
        try faults.fails()
        if checksDownloads { try faults.noticesDamage() }
    }

    private func proxied(_ faults: String) throws -> (storage: any Storage, proxy: LFSServer) {
        let proxy = try LFSServer(
            box, command: "exec python3 '\(Sandbox.package)/Tests/Servers/fault_proxy.py' '\(server)' '\(faults)'")
        return (try open(proxy.url), proxy)
    }

    /// One fault, and still everything is as if there were none.
    ///
    /// - Returns: what is not.
    private func survives(_ fault: String) throws -> [String] {
        let (storage, proxy) = try proxied(fault)
        let name = fault.filter { $0.isLetter || $0.isNumber }
        let key = "packs/" + name
        let content = randomBytes(300_000, seed: UInt64(fault.count))
        try box.write(content, to: "item-" + name)
        var problems: [String] = []
        func check(_ what: String, _ isGood: Bool) { if !isGood { problems.append("\(fault): \(what)") } }
        do {
            try storage.put([StorageItem(key: key, file: box.root + "/item-" + name)])
            check("content", try storage.get(key, range: nil) == content)
            check("range", try storage.get(key, range: 1000..<2000) == Array(content[1000..<2000]))
            check("size", try storage.size(of: key) == 300_000)
            check("list", try storage.list("packs/").contains(key))
            try storage.delete(key)
            check("delete", try open(server).size(of: key) == nil)
        } catch {
            problems.append("\(fault): \(error)")
        }
        let hit = fault.prefix { $0.isLetter }
        check("never met", try proxy.requests().contains { $0.hasSuffix(" \(hit)") })
        return problems
    }

    /// A byte that changes on its way here, each time, is no content.
    private func noticesDamage() throws {
        try box.write(randomBytes(100_000, seed: 2), to: "item")
        try open(server).put([StorageItem(key: "packs/damage", file: box.root + "/item")])
        let storage = try proxied("corrupt=90000:GETx*").storage
        let error = try #require(throws: MLError.self) { try storage.get("packs/damage", range: nil) }
        #expect(error.code == .corrupt || error.code == .invalidInput, "\(error)")
        try open(server).delete("packs/damage")
    }

    /// A server that stays broken: an error that says so, in bounded time, and nothing half-written.
    private func fails() throws {
        try box.write(randomBytes(100_000, seed: 1), to: "item")
        let (storage, _) = try proxied("status=503:\(upload)x*")
        let error = try #require(throws: MLError.self) {
            try storage.put([StorageItem(key: "packs/never", file: box.root + "/item")])
        }
        #expect(error.code == .io && error.message.contains("503"), "\(error)")
        #expect(try open(server).size(of: "packs/never") == nil)
        // Nobody is there.
        let nobody = try #require(throws: MLError.self) { try open("http://127.0.0.1:1").size(of: "packs/x") }
        #expect(nobody.code == .io && nobody.message.hasPrefix("cannot reach"), "\(nobody)")
        #expect(try #require(throws: MLError.self) { try proxied("cut=10x*").storage.list("packs/") }.code == .io)
    }
}
