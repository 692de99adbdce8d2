import Base
import Glibc

/// The local store of large files: chunks and recipes in packs under one folder.
///
/// ```
/// <root>/format            the version of this layout
/// <root>/packs/<name>.pack objects, appended one after the other
/// <root>/packs/<name>.idx  where each of them is
/// <root>/tmp/              packs being written, each locked by its writer
/// ```
/// Any number of processes may read and write one store at the same time. Opening it reads nothing but `format`.
public final class ObjectStore: @unchecked Sendable {
    /// The version of the layout this program reads and writes.
    public static let version = 1

    public let root: String
    let chunker = Chunker.standard
    let compressors = CompressorPool()
    let expectation = Expectation()
    private let mutex = Mutex()
    private var packs: [Pack] = []
    private var scanned: Files.Status?
    private var everScanned = false
    private var live: [LivePack] = []
    private var writers: [WeakWriter] = []
    private let files = OpenFiles()
    /// Stores that are read when this one lacks an object, and never written.
    private let alternates: [ObjectStore]

    private struct WeakWriter { weak var writer: PackWriter? }

    var packsFolder: String { root + "/packs" }
    var temporaryFolder: String { root + "/tmp" }

    /// Opens the store in a folder, which is created with the first object.
    ///
    /// - Parameter alternates: folders of stores to read what this one lacks from.
    /// - Throws: `MLError(.invalidInput)` when a newer program made it.
    public init(root: String, alternates: [String] = []) throws {
        self.root = root
        self.alternates = try alternates.filter { $0 != root }.map { try ObjectStore(root: $0) }
        guard Files.exists(root + "/format") else { return }
        let text = try Files.readText(root + "/format")
        guard text == ObjectStore.formatText else {
            throw MLError(
                .invalidInput,
                "the store '\(root)' has format '\(text.prefix { $0 != "\n" })', this program knows version "
                    + "\(ObjectStore.version)", hint: "update git-mldata")
        }
    }

    /// Stores of the repositories whose objects a repository borrows (git: `objects/info/alternates`).
    public static func alternates(ofRepository commonDirectory: String) throws -> [String] {
        let objects = commonDirectory + "/objects"
        guard Files.exists(objects + "/info/alternates") else { return [] }
        return try Files.readText(objects + "/info/alternates").split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { Files.parent(of: Files.join(objects, String($0))) + "/mldata" }
            .filter { Files.isDirectory($0 + "/packs") }
    }

    static let formatText = "mldata store \(version)\n"

    /// Makes the folders and the `format` file.
    func create() throws {
        try Files.makeDirectories(packsFolder)
        try Files.makeDirectories(temporaryFolder)
        if !Files.exists(root + "/format") { try Files.writeAtomically(ObjectStore.formatText, to: root + "/format") }
    }

    // MARK: Looking up

    /// An object and how to read it.
    enum Location {
        case pack(Pack, PackEntry)
        case writing(FileHandle, PackEntry)

        var entry: PackEntry {
            switch self {
            case .pack(_, let entry), .writing(_, let entry): entry
            }
        }

        var packName: String {
            switch self {
            case .pack(let pack, _): pack.name
            case .writing(let file, _): file.path
            }
        }

        func read(checksHash: Bool = true) throws -> [UInt8] {
            switch self {
            case .pack(let pack, let entry):
                try Pack.read(entry, from: pack.handle(), name: pack.name, checksHash: checksHash)
            case .writing(let file, let entry):
                try Pack.read(entry, from: file, name: file.path, checksHash: checksHash)
            }
        }

        func record() throws -> [UInt8] {
            switch self {
            case .pack(let pack, let entry): try pack.record(entry)
            case .writing(let file, let entry): try Pack.record(entry, from: file)
            }
        }
    }

    /// Reads one object; when its pack was replaced since it was found, it is looked for again.
    ///
    /// - Parameter checksHash: false for a chunk whose file is checked as a whole.
    func readObject(_ id: ObjectID, checksHash: Bool = true) throws -> (entry: PackEntry, raw: [UInt8])? {
        guard let found = try locate(id) else { return nil }
        do {
            return (found.entry, try found.read(checksHash: checksHash))
        } catch let error as MLError where error.code == .notFound {
            try refresh()
            guard let again = try locateKnown(id) else { return nil }
            return (again.entry, try again.read())
        }
    }

    /// Finds an object; on a miss, looks for packs other processes have finished, left behind or are writing.
    ///
    /// - Parameter refreshing: false spares that look, for whoever has just looked.
    func locate(_ id: ObjectID, refreshing: Bool = true) throws -> Location? {
        if let found = try locateKnown(id) { return found }
        if refreshing, try refresh(), let found = try locateKnown(id) { return found }
        for alternate in alternates {
            if let found = try alternate.locate(id, refreshing: refreshing) { return found }
        }
        return nil
    }

    /// Finds an object in the finished packs: those that no dying writer can take away again.
    func locateFinished(_ id: ObjectID) throws -> (pack: Pack, entry: PackEntry)? {
        if let found = try mutex.withLock({ try findInPacks(id) }) { return found }
        for alternate in alternates {
            if let found = try alternate.locateFinished(id) { return found }
        }
        return nil
    }

    private func findInPacks(_ id: ObjectID) throws -> (pack: Pack, entry: PackEntry)? {
        if !everScanned { try scanPacks() }
        for (position, pack) in packs.enumerated() {
            guard let entry = pack.index.find(id) else { continue }
            // The next object is most likely in the same pack.
            if position > 0 { packs.swapAt(0, position) }
            return (pack, entry)
        }
        return nil
    }

    /// Finds an object in what is known, without looking at the folders again.
    func locateKnown(_ id: ObjectID) throws -> Location? {
        try mutex.withLock {
            if let found = try findInPacks(id) { return .pack(found.pack, found.entry) }
            for weak in writers {
                if let writer = weak.writer, let found = writer.pendingLocation(id) { return found }
            }
            for pack in live {
                if let entry = pack.entries[id] { return .writing(pack.file, entry) }
            }
            return nil
        }
    }

    /// Looks at the folders again: saves what killed writers left, loads new packs, reads on in packs being written.
    ///
    /// - Returns: whether anything new may be found.
    @discardableResult
    public func refresh() throws -> Bool {
        // A store on a read-only disk has nothing to recover into and can still be read.
        let recovered = (try? recover()) ?? false
        return try mutex.withLock {
            let changed = try scanPacks()
            let growing = try scanLive()
            return recovered || changed || growing
        }
    }

    /// Whether the packs folder may differ from what is known.
    var packsMayHaveChanged: Bool { mutex.withLock { scanned == nil || Files.status(packsFolder) != scanned } }

    /// Loads the indexes of packs not seen before, forgets packs that are gone.
    @discardableResult
    private func scanPacks() throws -> Bool {
        everScanned = true
        let status = Files.status(packsFolder)
        if let status, status == scanned { return false }
        // A folder changed within the clock's last tick may change again without a new time.
        scanned = status.flatMap { Timestamp.now().seconds - $0.modifiedSeconds > 1 ? $0 : nil }
        let files = try Files.list(packsFolder)
        let whole = Set(files.filter { $0.hasSuffix(".pack") }.map { $0.dropLast(5) })
        // Of an index whose pack is gone nothing can be read.
        let names = Set(
            files.filter { $0.hasSuffix(".idx") && whole.contains($0.dropLast(4)) }.map { String($0.dropLast(4)) })
        let before = Set(packs.map(\.name))
        guard names != before else { return false }
        for pack in packs where !names.contains(pack.name) { self.files.forget(pack.path) }
        packs.removeAll { !names.contains($0.name) }
        for name in names.subtracting(before).sorted() {
            do {
                packs.append(try Pack(name: name, folder: packsFolder, files: self.files))
            } catch let error as MLError where error.code == .corrupt || error.code == .notFound {
                // One damaged index must not close the whole store; `verify` reports it.
                continue
            }
        }
        return true
    }

    private func scanLive() throws -> Bool {
        let own = writers.compactMap { $0.writer?.temporaryPath }
        let paths = try Files.list(temporaryFolder).filter { $0.hasSuffix(".pack") }.map { temporaryFolder + "/" + $0 }
        live.removeAll { !paths.contains($0.file.path) }
        for path in paths where !own.contains(path) && !live.contains(where: { $0.file.path == path }) {
            if let pack = LivePack(path) { live.append(pack) }
        }
        var found = false
        for position in live.indices where try live[position].advance() { found = true }
        return found
    }

    func allPacks() throws -> [Pack] {
        try mutex.withLock {
            try scanPacks()
            return packs.sorted { $0.name < $1.name }
        }
    }

    /// Forgets packs that were removed, without waiting for the folder's time to change.
    func forget(_ names: Set<String>) {
        mutex.withLock {
            for pack in packs where names.contains(pack.name) { files.forget(pack.path) }
            packs.removeAll { names.contains($0.name) }
            scanned = nil
        }
    }

    func register(_ writer: PackWriter) {
        mutex.withLock {
            writers.removeAll { $0.writer == nil }
            writers.append(WeakWriter(writer: writer))
        }
    }

    /// Makes a pack visible that a writer of this process has just finished.
    func adopt(_ name: String) throws {
        let pack = try Pack(name: name, folder: packsFolder, files: files)
        mutex.withLock {
            if !packs.contains(where: { $0.name == name }) { packs.append(pack) }
            scanned = nil
        }
    }
}

/// A pack another process is writing now: its whole records can be read already.
private struct LivePack {
    let file: FileHandle
    private var scan: PackScan
    private(set) var entries: [ObjectID: PackEntry] = [:]

    init?(_ path: String) {
        guard let file = try? FileHandle(reading: path), let scan = try? PackScan(file, verify: false) else {
            return nil
        }
        self.file = file
        self.scan = scan
        for entry in scan.entries { entries[entry.id] = entry }
    }

    /// Reads on; says whether there is anything to find here.
    mutating func advance() throws -> Bool {
        scan.entries.removeAll(keepingCapacity: true)
        try scan.advance(file, verify: false)
        for entry in scan.entries { entries[entry.id] = entry }
        return !entries.isEmpty
    }
}
