import Base
import Glibc
import ObjectStore

/// Git's long-running filter process protocol, version 2 (git: gitattributes, "Long Running Filter Process").
///
/// One process answers all clean and smudge requests of one git command.
public struct FilterProcess {
    private let open: () throws -> FilterSession
    private var opened: FilterSession?
    private let reader: PacketReader
    private let writer: PacketWriter
    /// Files promised for later, by path: git asks for each of them again after it was listed.
    private var delayed: [[UInt8]: Pointer] = [:]
    /// Promised and not listed yet, in the order of the requests.
    private var promised: [[UInt8]] = []
    private var capabilities: Set<String> = []

    /// - Parameter session: makes the session when the first request comes: git also starts filters it never asks.
    public init(input: Int32, output: Int32, session: @escaping () throws -> FilterSession) {
        open = session
        reader = PacketReader(descriptor: input)
        writer = PacketWriter(descriptor: output)
    }

    /// Serves requests until git closes the pipe, then finishes what is left to do.
    ///
    /// - Throws: `MLError(.invalidInput)` when the other side does not speak the protocol; `MLError(.io)`.
    public mutating func run() throws {
        do {
            guard try handshake() else { return }
            while let request = try Request(reader) {
                let session = try opened ?? open()
                opened = session
                try answer(request, session)
            }
        } catch {
            // Git is gone or talks nonsense. What was stored stays stored.
            try opened?.finish(sync: false)
            throw error
        }
        try opened?.finish(sync: true)
    }

    private mutating func handshake() throws -> Bool {
        guard let hello = try reader.list() else { return false }
        guard hello.first == Array("git-filter-client".utf8), hello.contains(Array("version=2".utf8)) else {
            throw MLError(
                .invalidInput, "this is not git's filter protocol, version 2",
                hint: "git starts this program itself; run 'git mldata install' to set that up")
        }
        try writer.line("git-filter-server")
        try writer.line("version=2")
        writer.flush()
        try writer.send()
        guard let offered = try reader.list() else { return false }
        for name in ["clean", "smudge", "delay"] where offered.contains(Array("capability=\(name)".utf8)) {
            capabilities.insert(name)
            try writer.line("capability=\(name)")
        }
        writer.flush()
        try writer.send()
        return true
    }

    /// The keys of a request that matter here; git may send others.
    private struct Request {
        var command = ""
        var path: [UInt8] = []
        var canDelay = false
        private var hasBlob = false
        private var hasTree = false

        /// Whether git most likely only wants to look at the content: `git diff` and `git log -p` before they run textconv,
        /// and `git cat-file --filters`, name a blob, no tree, and cannot wait.
        var isForShow: Bool { hasBlob && !hasTree && !canDelay }

        /// Whether the answer goes into an archive, which nobody fills in later: `git archive` alone names a tree and
        /// cannot wait.
        var isForArchive: Bool { hasTree && !canDelay }

        init?(_ reader: PacketReader) throws {
            guard let lines = try reader.list() else { return nil }
            for line in lines {
                guard let equals = line.firstIndex(of: 0x3D) else { continue }
                let value = Array(line[(equals + 1)...])
                switch String(decoding: line[..<equals], as: UTF8.self) {
                case "command": command = String(decoding: value, as: UTF8.self)
                case "pathname": path = value
                case "can-delay": canDelay = value == [0x31]
                case "blob": hasBlob = true
                case "treeish", "ref": hasTree = true
                default: continue
                }
            }
        }
    }

    private mutating func answer(_ request: Request, _ session: FilterSession) throws {
        Trace.note("filter \(request.command) \(FilterSession.name(request.path))")
        switch request.command {
        case "clean": try clean(request, session)
        case "smudge": try smudge(request, session)
        case "list_available_blobs": try listAvailable(session)
        default:
            reader.beginContent()
            try reader.skipContent()
            try status("abort")
        }
        try writer.send()
    }

    // MARK: Answers

    private func status(_ word: String) throws {
        try writer.line("status=\(word)")
        writer.flush()
    }

    private func content(_ bytes: [UInt8]) throws {
        try status("success")
        try bytes.withUnsafeBytes { try writer.content($0) }
        writer.flush()
        writer.flush()
    }

    private func clean(_ request: Request, _ session: FilterSession) throws {
        reader.beginContent()
        do {
            let answer = try session.clean(path: request.path) { try reader.read(into: $0) }
            try content(answer)
        } catch let error as MLError where error.code != .failed {
            try reader.skipContent()
            session.report(
                "fatal",
                MLError(error.code, "cannot store '\(FilterSession.name(request.path))': \(error)", hints: error.hints))
            try status("error")
        }
    }

    private mutating func smudge(_ request: Request, _ session: FilterSession) throws {
        reader.beginContent()
        let text = try Spool(reader, folder: session.store.root)
        // The second request for a promised file comes without its text.
        if text.length == 0, let pointer = delayed.removeValue(forKey: request.path) {
            return try deliver(pointer, request, session, fetched: true)
        }
        let canWait = request.canDelay && capabilities.contains("delay")
        let plan: FilterSession.SmudgePlan
        do {
            plan = try session.planSmudge(
                text.start, path: request.path, isForShow: request.isForShow,
                isWhole: request.isForArchive && capabilities.contains("delay"), canWait: canWait)
        } catch let error as MLError {
            return try refuse(request, session, error)
        }
        switch plan {
        case .asIs: try passThrough(text)
        case .content(let pointer): try deliver(pointer, request, session, fetched: true)
        case .fetch(let pointer) where canWait:
            delayed[request.path] = pointer
            promised.append(request.path)
            try status("delayed")
        case .fetch(let pointer): try deliver(pointer, request, session, fetched: false)
        }
    }

    private func passThrough(_ text: Spool) throws {
        try status("success")
        try text.write { try writer.content($0) }
        writer.flush()
        writer.flush()
    }

    /// Answers with an object's content, fetching it first where that was not tried yet.
    private func deliver(
        _ pointer: Pointer, _ request: Request, _ session: FilterSession, fetched: Bool
    ) throws {
        do {
            if !fetched { try session.fetch([pointer]) }
            guard try pointer.size == 0 || session.store.contains(pointer.oid) else {
                return session.settleMissing(pointer, path: request.path)
                    ? try content(pointer.encoded) : try status("error")
            }
        } catch let error as MLError {
            return try refuse(request, session, error)
        }
        try status("success")
        do {
            try session.write(pointer) { try writer.content($0) }
            writer.flush()
            writer.flush()
        } catch let error as MLError {
            // Part of the content may be on its way: the second list takes the success back.
            writer.flush()
            try refuse(request, session, error)
        }
    }

    private func refuse(_ request: Request, _ session: FilterSession, _ error: MLError) throws {
        session.report(
            "fatal",
            MLError(error.code, "cannot check out '\(FilterSession.name(request.path))': \(error)", hints: error.hints))
        try status("error")
    }

    /// Fetches all promised files at once and lists them; the empty list of the next call ends the game.
    private mutating func listAvailable(_ session: FilterSession) throws {
        let paths = promised
        promised = []
        var seen: Set<ObjectID> = []
        let pointers = paths.compactMap { delayed[$0] }.filter { seen.insert($0.oid).inserted }
        if !pointers.isEmpty { try session.fetch(pointers) }
        for path in paths { try writer.line("pathname", path) }
        writer.flush()
        try status("success")
    }
}
