import Base
import GitKit
import ObjectStore

/// A Git LFS server as remote: the batch API and the transfer `basic`, in both directions (git-lfs: docs/api/batch.md,
/// docs/api/basic-transfers.md). What is pushed here, `git-lfs` reads, and the other way round.
public final class LFSRemote: ContentRemote, @unchecked Sendable {
    /// How many transfers run at once.
    public static let transfers = 8
    /// How many objects one request asks about.
    static let batchSize = 100

    let client: LFSClient
    private let incomplete: String
    private let memory: LFSMemory
    private let transfers: Int

    /// - Parameters:
    ///   - endpoint: an `http` or `ssh` endpoint.
    ///   - git: runs `git credential` and reads Git's configuration.
    ///   - folder: the local store's folder: incomplete downloads and what the server was seen to have are kept there.
    ///   - asks: whether the user may be asked for a password on the terminal.
    ///   - transfers: how many run at once.
    public init(
        _ endpoint: LFSEndpoint, git: GitCommand, folder: String, asks: Bool = true,
        transfers: Int = LFSRemote.transfers, patience: LFSPatience = LFSPatience()
    ) {
        client = LFSClient(endpoint, git: git, asks: asks, patience: patience)
        self.transfers = transfers
        incomplete = folder + "/incomplete"
        memory = LFSMemory(client.name, folder: folder + "/remotes")
    }

    public var name: String { client.name }

    public func lacking(_ files: [Pointer]) throws -> [ObjectID] {
        var lacking: [ObjectID] = []
        for batch in LFSRemote.batches(files) {
            // A server offers an upload for what it does not have, and nothing for the rest.
            let objects = try client.batch(.upload, batch)
            let absent = batch.map(\.oid).filter { objects[$0]?.actions["upload"] != nil || objects[$0]?.error != nil }
            try memory.note(present: batch.map(\.oid).filter { objects[$0] != nil }, absent: absent)
            lacking += absent
        }
        return lacking
    }

    public func lackingWhenLastSeen(_ files: [Pointer]) throws -> [ObjectID] {
        try files.map(\.oid).filter { try !memory.contains($0) }
    }

    public func unproven(_ ids: [ObjectID], of store: ObjectStore) throws -> [ObjectID] {
        try unproven(ids, of: store) { files in
            // Asked as a download: who may only read can still clean up.
            try LFSRemote.batches(files).flatMap { batch in
                let objects = try client.batch(.download, batch)
                return batch.map(\.oid).filter { objects[$0]?.actions["download"] == nil }
            }
        }
    }

    public func push(
        _ files: [Pointer], from store: ObjectStore, temporary: String, progress: any ProgressReporter
    ) throws -> ContentTransfer {
        let job = Job(total: files.count, title: "Uploading", detail: "to \(name)", progress: progress)
        for batch in LFSRemote.batches(files) {
            let objects = try client.batch(.upload, batch)
            forEachWaiting(count: batch.count, workers: transfers) { index in
                let file = batch[index]
                return job.run(file) {
                    guard let object = objects[file.oid] else { throw self.silent(file) }
                    return try LFSUpload(self.client, file, store).run(object)
                }
            }
            try memory.note(present: job.done, absent: [])
            if job.hasFailed { break }
        }
        return try job.finish().transfer
    }

    public func fetch(
        _ files: [Pointer], into store: ObjectStore, progress: any ProgressReporter
    ) throws -> (transfer: ContentTransfer, missing: [ObjectID]) {
        let lacking = Set(try store.lacking(files.map(\.oid)))
        let wanted = files.filter { lacking.contains($0.oid) }
        if wanted.isEmpty { return (ContentTransfer(), []) }
        try Files.makeDirectories(incomplete)
        try LFSDownload.removeOld(in: incomplete)
        let job = Job(total: wanted.count, title: "Downloading", detail: name, progress: progress)
        let writer = try store.makeWriter()
        let adding = Mutex()
        for batch in LFSRemote.batches(wanted) {
            let objects = try client.batch(.download, batch)
            forEachWaiting(count: batch.count, workers: transfers) { index in
                let file = batch[index]
                return job.run(file) {
                    guard let object = objects[file.oid] else { throw self.silent(file) }
                    guard let download = try self.download(file, object) else { return nil }
                    // Adding keeps all processors busy by itself.
                    try adding.withLock { try download.store(with: writer) }
                    return download.received
                }
            }
            try memory.note(present: job.done, absent: job.missing)
            if job.hasFailed { break }
        }
        // What came before a failure is kept.
        try writer.finish()
        let (transfer, missing) = try job.finish()
        let absent = Set(missing)
        return (transfer, wanted.map(\.oid).filter { absent.contains($0) })
    }

    private static func batches(_ files: [Pointer]) -> [[Pointer]] {
        var seen: Set<ObjectID> = []
        let unique = files.filter { $0.size > 0 && seen.insert($0.oid).inserted }
        return stride(from: 0, to: unique.count, by: batchSize).map {
            Array(unique[$0..<min($0 + batchSize, unique.count)])
        }
    }

    private func silent(_ file: Pointer) -> MLError {
        MLError(.invalidInput, "\(name) does not say what to do with object \(file.oid.short)")
    }

    /// Brings one object into a local file.
    ///
    /// - Returns: nil when the server does not have it.
    private func download(_ file: Pointer, _ object: LFSObject) throws -> LFSDownload? {
        var object = object
        let download = try LFSDownload(file, folder: incomplete)
        var renewed = false
        while true {
            if let error = object.error {
                if error.code == 404 || error.code == 410 {
                    try download.discard()
                    return nil
                }
                throw LFSFailure.error(
                    error.code, error.message, subject: "the download of object \(file.oid.short)", server: name)
            }
            guard let action = object.actions["download"] else { throw silent(file) }
            let answer = action.isExpired && !renewed ? nil : try get(file, action, object.isAuthenticated, download)
            if download.isComplete && answer.map({ [200, 206].contains($0.status) }) ?? false { return download }
            // An action that ran out is asked for again, once.
            if !renewed, answer.map({ [401, 403].contains($0.status) }) ?? true {
                renewed = true
                guard let fresh = try client.batch(.download, [file])[file.oid] else { throw silent(file) }
                object = fresh
                continue
            }
            guard let answer else { throw silent(file) }
            if answer.status == 404 || answer.status == 410 {
                try download.discard()
                return nil
            }
            throw [200, 206].contains(answer.status)
                ? MLError(
                    .corrupt, "\(name) sent \(download.position) of \(file.size) bytes of object \(file.oid.short)")
                : LFSFailure.error(
                    answer.status, LFSFailure.words(answer), subject: "object \(file.oid.short)", server: name)
        }
    }

    private func get(
        _ file: Pointer, _ action: LFSAction, _ isAuthenticated: Bool, _ download: LFSDownload
    ) throws -> HTTPRequest.Answer {
        if download.isComplete { return HTTPRequest.Answer(status: 200, body: [], length: 0) }
        do {
            let headers = try client.headers(for: action, isAuthenticated, .download)
            func attempt() throws -> HTTPRequest.Answer {
                try client.exchange(
                    "object \(file.oid.short)", addsCredentials: !isAuthenticated, progress: { download.received },
                    make: {
                        var request = HTTPRequest(method: "GET", url: action.href, headers: headers)
                        if let range = download.rangeHeader { request.headers.append(range) }
                        var isFirst = true
                        request.sink = { status, bytes in
                            try download.receive(status, bytes, isFirst: isFirst)
                            isFirst = false
                        }
                        return request
                    })
            }
            let answer = try attempt()
            guard answer.status == 416, download.position > 0 else { return answer }
            // What is there is no beginning of what the server has.
            try download.restart()
            return try attempt()
        } catch let error as MLError where error.code == .corrupt {
            try download.discard()
            throw error
        }
    }
}
