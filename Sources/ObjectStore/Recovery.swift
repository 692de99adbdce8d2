import Base
import Glibc

extension ObjectStore {
    /// Saves what killed writers left behind: packs in `tmp` nobody has locked, and packs without an index.
    ///
    /// - Returns: whether there was anything to save.
    func recover() throws -> Bool {
        var saved = false
        for name in try Files.list(temporaryFolder) {
            let path = temporaryFolder + "/" + name
            if name.hasSuffix(".pack") {
                if try recoverPack(path) { saved = true }
            } else if let status = Files.status(path), Timestamp.now().seconds - status.modifiedSeconds > 3600 {
                // An index or other scratch file whose writer died; a living one needs seconds.
                try Files.remove(path)
            }
        }
        guard packsMayHaveChanged else { return saved }
        let names = try Files.list(packsFolder)
        let indexed = Set(names.filter { $0.hasSuffix(".idx") }.map { $0.dropLast(4) })
        for name in names where name.hasSuffix(".pack") && !indexed.contains(name.dropLast(5)) {
            if try recoverPack(packsFolder + "/" + name) { saved = true }
        }
        // The pack is put first and removed last, so an index alone speaks of what somebody took away by hand.
        for name in indexed where !Files.exists("\(packsFolder)/\(name).pack") {
            try Files.remove("\(packsFolder)/\(name).idx")
        }
        return saved
    }

    /// Indexes one abandoned pack and moves it to its place.
    private func recoverPack(_ path: String) throws -> Bool {
        guard Files.exists(path) else { return false }
        let file = try FileHandle(updating: path)
        guard try file.lock(wait: false), Files.isSameFile(file, path) else { return false }
        // Its writer may have finished it between the look at the folder and the lock.
        if Files.exists(path.dropLast(5) + ".idx") { return true }
        let scan = try PackScan(file, verify: true)
        guard !scan.entries.isEmpty else {
            try Files.remove(path)
            return false
        }
        var length = UInt64(try file.status().size)
        // Behind the last whole record a killed writer leaves a part of one. A pack that was finished once is not
        // touched.
        if length > scan.length, path.hasPrefix(temporaryFolder) {
            try file.truncate(to: Int64(scan.length))
            length = scan.length
        }
        var unique: [ObjectID: PackEntry] = [:]
        for entry in scan.entries { unique[entry.id] = unique[entry.id] ?? entry }
        _ = try publish(file, entries: Array(unique.values), length: length)
        return true
    }

    /// Deletes indexes that are damaged; the next `refresh` makes them anew from the packs.
    func removeDamagedIndexes() throws {
        for name in try Files.list(packsFolder) where name.hasSuffix(".idx") {
            let path = packsFolder + "/" + name
            if let index = try? PackIndex(mapping: path), index.hasValidChecksum { continue }
            try Files.remove(path)
            forget([String(name.dropLast(4))])
        }
    }

    /// Gives a complete, locked pack file its index and its name. The index comes last: with it the pack is visible.
    func publish(_ file: FileHandle, entries: [PackEntry], length: UInt64, replacing: Set<String> = []) throws
        -> ObjectID
    {
        let name = PackIndex.packName(entries.map(\.id))
        let target = "\(packsFolder)/\(name.hex)"
        if Files.exists(target + ".idx"), !replacing.contains(name.hex) {
            // The same objects are there already, written by somebody else in the meantime. When it is this very file, its
            // writer has finished it after all.
            if file.path != target + ".pack" { try Files.remove(file.path) }
            return name
        }
        try file.synchronize()
        try Files.makeDirectories(packsFolder)
        if file.path != target + ".pack" { try Files.rename(file.path, to: target + ".pack") }
        try Files.writeAtomically(PackIndex.encode(entries, packLength: length), to: target + ".idx", mode: 0o444)
        return name
    }
}

extension Files {
    /// Whether `path` still names the open file: another process may have moved it before the lock was taken.
    static func isSameFile(_ file: FileHandle, _ path: String) -> Bool {
        guard let open = try? file.status(), let named = status(path) else { return false }
        return open.inode == named.inode && open.device == named.device
    }
}
