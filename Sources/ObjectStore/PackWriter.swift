import Base
import Glibc

/// Appends objects to a new pack.
///
/// Every object has left this process before the call that adds it returns: when the process is killed, the next one to
/// open a writer or to miss an object finishes the pack. One writer may be used from several threads.
public final class PackWriter: @unchecked Sendable {
    let store: ObjectStore
    private let mutex = Mutex()
    private var file: FileHandle?
    private var length: UInt64 = 0
    /// Up to here the system has been asked to write the file to disk.
    private var flushing: UInt64 = 0
    private static let flushStep: UInt64 = 16 << 20
    /// Some 40 MB of memory.
    private static let objectLimit = 1 << 17
    private var pending: [ObjectID: PackEntry] = [:]
    private var finished = false
    private var reused: Set<String> = []
    private let packLimit: UInt64
    /// As many as there were calls at once.
    private var spareBuffers: [AddBuffers] = []

    init(store: ObjectStore, packLimit: UInt64) {
        self.store = store
        self.packLimit = packLimit
    }

    /// How many objects the pack holds so far.
    public var count: Int { mutex.withLock { pending.count } }

    /// The pack's length in bytes so far.
    public var packLength: UInt64 { mutex.withLock { length } }

    /// Buffers for an `add`, used again by the next one.
    func takeBuffers() -> AddBuffers {
        mutex.withLock { spareBuffers.popLast() } ?? AddBuffers()
    }

    func giveBack(_ buffers: AddBuffers) { mutex.withLock { spareBuffers.append(buffers) } }

    var temporaryPath: String? { mutex.withLock { file?.path } }

    func pendingLocation(_ id: ObjectID) -> ObjectStore.Location? {
        mutex.withLock {
            guard let file, let entry = pending[id] else { return nil }
            return .writing(file, entry)
        }
    }

    /// Whether a finished pack or this one has the object already. What other writers have not finished does not count:
    /// they may never finish.
    func has(_ id: ObjectID) throws -> Bool {
        if mutex.withLock({ pending[id] != nil }) { return true }
        guard let found = try store.locateFinished(id) else { return false }
        // A pack that is used again counts as new, so that a collection running at this moment spares it.
        if mutex.withLock({ reused.insert(found.pack.name).inserted }) { utimes(found.pack.path, nil) }
        return true
    }

    /// One object ready to be written.
    struct Record {
        var id: ObjectID
        var kind: ObjectKind
        var codec: Codec
        var stored: UnsafeRawBufferPointer
        var rawLength: Int
    }

    /// Writes one object, unless this pack has it.
    ///
    /// - Returns: the bytes the pack grew by.
    @discardableResult
    func append(_ record: Record) throws -> Int {
        try mutex.withLock {
            guard pending[record.id] == nil else { return 0 }
            guard !finished else { throw MLError(.io, "the pack is finished already") }
            let file = try openFile()
            let entry = PackEntry(
                id: record.id, kind: record.kind, codec: record.codec, offset: length,
                storedLength: UInt32(record.stored.count), rawLength: UInt32(record.rawLength))
            var header: [UInt8] = []
            header.reserveCapacity(
                PackFormat.recordHeaderLength + (record.stored.count <= 1 << 16 ? record.stored.count : 0))
            PackFormat.appendRecordHeader(entry, to: &header)
            do {
                if record.stored.count <= 1 << 16 {
                    // One call for a small object: with many small files the calls are what costs.
                    header += record.stored
                    try file.writeAll(header)
                } else {
                    try file.writeAll(header)
                    try file.writeAll(record.stored)
                }
            } catch {
                dropPartialRecord(file)
                throw error
            }
            length = entry.range.upperBound
            pending[record.id] = entry
            // The disk works while the processors hash; at the end little is left to flush.
            if length - flushing >= PackWriter.flushStep {
                file.beginFlush(flushing..<length)
                flushing = length
            }
            return Int(entry.range.upperBound - entry.range.lowerBound)
        }
    }

    /// Cuts off what a failed write left; without any whole record the file goes.
    private func dropPartialRecord(_ file: FileHandle) {
        if pending.isEmpty {
            try? Files.remove(file.path)
            self.file = nil
            length = 0
        } else {
            try? file.truncate(to: Int64(length))
            try? file.seek(to: Int64(length))
        }
    }

    private func openFile() throws -> FileHandle {
        if let file { return file }
        try store.create()
        while true {
            let name = String(UInt64.random(in: 0...UInt64.max), radix: 36)
            let path = "\(store.temporaryFolder)/\(getpid())-\(name).pack"
            let opened = try FileHandle(creating: path)
            // Somebody may take the empty file for an orphan before it is locked.
            guard try opened.lock(wait: false), Files.isSameFile(opened, path) else { continue }
            do {
                try opened.writeAll(PackFormat.header)
            } catch {
                try? Files.remove(path)
                throw error
            }
            length = UInt64(PackFormat.headerLength)
            flushing = 0
            file = opened
            return opened
        }
    }

    /// Makes the pack durable and visible.
    ///
    /// - Returns: its name; nil when nothing was written.
    /// - Throws: `MLError(.io)`; what was written is then saved by a later writer.
    @discardableResult
    public func finish() throws -> ObjectID? { try finish(replacing: []) }

    /// - Parameter replacing: names of packs whose objects were all copied: one of the same name is replaced, not
    ///   trusted.
    func finish(replacing: Set<String>) throws -> ObjectID? {
        let name = try publish(replacing: replacing)
        mutex.withLock { finished = true }
        return name
    }

    /// Finishes the pack when it has become too long, or what must be kept in memory about it, and goes on with another.
    func rollOver() throws {
        if packLength > packLimit || count > PackWriter.objectLimit { _ = try publish(replacing: []) }
    }

    private func publish(replacing: Set<String>) throws -> ObjectID? {
        let published: ObjectID? = try mutex.withLock {
            guard let file else { return nil }
            let name = try store.publish(file, entries: Array(pending.values), length: length, replacing: replacing)
            // Closed by the last reader that found something in it, which may be reading now.
            self.file = nil
            length = 0
            pending = [:]
            return name
        }
        if let published { try store.adopt(published.hex) }
        return published
    }

    /// Throws the pack away.
    public func cancel() throws {
        try mutex.withLock {
            finished = true
            pending = [:]
            guard let file else { return }
            try Files.remove(file.path)
            self.file = nil
        }
    }
}

extension ObjectStore {
    /// A writer for new objects; first saves what a killed writer left behind.
    ///
    /// - Parameter packLimit: a pack longer than this is finished and another one begun, which bounds what must be kept in
    ///   memory about it.
    public func makeWriter(packLimit: UInt64 = 4 << 30) throws -> PackWriter {
        try refresh()
        let writer = PackWriter(store: self, packLimit: packLimit)
        register(writer)
        return writer
    }
}
