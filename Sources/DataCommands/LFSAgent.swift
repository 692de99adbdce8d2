import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import ObjectStore
import Remotes

/// A custom transfer agent of Git LFS (git-lfs: docs/custom-transfers.md): people who use plain `git-lfs` store their
/// content in our remote store, chunked and without duplicates.
struct LFSAgent: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lfs-agent", abstract: "Store the content of plain git-lfs in our remote store: git-lfs runs it.",
        discussion: """
            git config lfs.standalonetransferagent mldata
            git config lfs.customtransfer.mldata.path git-mldata
            git config lfs.customtransfer.mldata.args lfs-agent
            """, shouldDisplay: false)

    @Option(help: ArgumentHelp("Use this remote store instead of the default one.", valueName: "store"))
    var to: String?
    @OptionGroup var common: CommonOptions

    func run() throws {
        var agent = TransferAgent(store: to)
        while let line = readLine() {
            guard try agent.answer(line) else { return }
        }
    }
}

/// The conversation: a JSON document a line, in both directions.
private struct TransferAgent {
    private let storeName: String?
    private let output = FileHandle(borrowing: 1, path: "standard output")
    private var open: Open?

    init(store: String?) { storeName = store }

    /// What `init` opens.
    private struct Open {
        var data: DataRepository
        var store: ObjectStore
        var remote: any ContentRemote
        /// On the file system git-lfs keeps its objects on, so that it can take files over by renaming.
        var passing: String
    }

    /// - Returns: false after `terminate`.
    mutating func answer(_ line: String) throws -> Bool {
        let request = try JSON(parsing: line)
        switch request["event"]?.stringValue {
        case "init":
            do {
                open = try start(gitRemote: request["remote"]?.stringValue)
                try send([:])
            } catch let error as MLError {
                try send(["error": TransferAgent.failure(error)])
            }
        case "upload", "download":
            let isUpload = request["event"]?.stringValue == "upload"
            let oid = request["oid"]?.stringValue ?? ""
            var answer: JSONObject = ["event": "complete", "oid": .string(oid)]
            do {
                let pointer = try TransferAgent.pointer(request)
                if isUpload {
                    try upload(pointer, from: request["path"]?.stringValue ?? "")
                } else {
                    answer["path"] = .string(try download(pointer))
                }
            } catch let error as MLError {
                answer["error"] = TransferAgent.failure(error)
            }
            try send(answer)
        case "terminate": return false
        default: throw MLError(.invalidInput, "unknown event '\(request["event"]?.stringValue ?? "")' from git-lfs")
        }
        return true
    }

    private func start(gitRemote: String?) throws -> Open {
        let data = try DataRepository()
        guard let remote = try data.openRemote(named: storeName, gitRemote: gitRemote) else {
            throw MLError(
                .notFound, "there is nowhere to store content",
                hint: "add a store: 'git mldata remote add --default NAME URL'")
        }
        return Open(
            data: data, store: try data.openStore(), remote: remote, passing: data.lfsFolder.name + "/tmp")
    }

    private func upload(_ pointer: Pointer, from path: String) throws {
        let open = try opened()
        if try !open.store.contains(pointer.oid) {
            let file = try FileHandle(reading: path)
            let writer = try open.store.makeWriter()
            var counter = Progress(pointer, output)
            let added = try writer.add { buffer in
                let count = try file.read(into: buffer)
                // The last bytes are reported when the object has arrived.
                try counter.advance(count, upTo: pointer.size - 1)
                return count
            }
            guard added.pointer == pointer else {
                try writer.cancel()
                throw MLError(.corrupt, "'\(path)' does not hold object \(pointer.oid.short)")
            }
            try writer.finish()
        }
        _ = try open.remote.push(
            [pointer], from: open.store, temporary: Files.temporaryName(beside: open.data.storeDirectory + "/tmp/x"),
            progress: SilentProgress())
        try Progress(pointer, output).finish()
    }

    private func download(_ pointer: Pointer) throws -> String {
        let open = try opened()
        guard try open.remote.fetch([pointer], into: open.store, progress: SilentProgress()).missing.isEmpty else {
            throw MLError(.missingObject, "object \(pointer.oid.short) is not on \(open.remote.name)")
        }
        try Files.makeDirectories(open.passing)
        let target = Files.temporaryName(beside: open.passing + "/x")
        do {
            let file = try FileHandle(creating: target)
            var counter = Progress(pointer, output)
            try open.store.write(pointer.oid) { bytes in
                try file.writeAll(bytes)
                try counter.advance(bytes.count, upTo: pointer.size)
            }
            try file.close()
        } catch {
            try? Files.remove(target)
            throw error
        }
        return target
    }

    private func opened() throws -> Open {
        guard let open else { throw MLError(.invalidInput, "git-lfs sent no 'init'") }
        return open
    }

    private func send(_ answer: JSONObject) throws { try output.writeAll(JSON.object(answer).compact() + "\n") }

    private static func pointer(_ request: JSON) throws -> Pointer {
        guard let oid = (request["oid"]?.stringValue).flatMap({ ObjectID(hex: $0) }),
            let size = request["size"]?.intValue, size > 0
        else { throw MLError(.invalidInput, "git-lfs named no object") }
        return Pointer(oid: oid, size: Int64(size))
    }

    private static func failure(_ error: MLError) -> JSON {
        let code = error.code == .missingObject || error.code == .notFound ? 404 : 500
        return ["code": JSON(code), "message": .string(([error.description] + error.hints).joined(separator: "; "))]
    }

    /// Tells git-lfs how far an object is.
    private struct Progress {
        private let pointer: Pointer
        private let output: FileHandle
        private var reached: Int64 = 0

        init(_ pointer: Pointer, _ output: FileHandle) {
            self.pointer = pointer
            self.output = output
        }

        mutating func advance(_ count: Int, upTo limit: Int64) throws {
            let next = min(reached + Int64(count), limit)
            if next > reached { try report(next, since: next - reached) }
            reached = next
        }

        /// The whole is there.
        func finish() throws { try report(pointer.size, since: 1) }

        private func report(_ soFar: Int64, since: Int64) throws {
            let event: JSON = [
                "event": "progress", "oid": .string(pointer.oid.hex), "bytesSoFar": .integer(soFar),
                "bytesSinceLast": .integer(since),
            ]
            try output.writeAll(event.compact() + "\n")
        }
    }
}
