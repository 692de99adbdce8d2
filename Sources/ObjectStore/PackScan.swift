import Base

/// What a walk over a pack's self-describing records finds, without its index.
struct PackScan {
    var entries: [PackEntry] = []
    /// The end of the last whole record: where a damaged pack is cut.
    var length: UInt64 = UInt64(PackFormat.headerLength)

    /// Walks to the first record that is not whole.
    ///
    /// - Parameter verify: also read and hash every object, and leave out the damaged ones. Without it only headers are
    ///   read, which is enough to find objects in a pack that another process is writing.
    init(_ file: FileHandle, verify: Bool) throws {
        guard UInt64(try file.status().size) >= length else { return }
        try PackFormat.checkHeader(try file.read(count: PackFormat.headerLength, at: 0), of: file.path)
        try advance(file, verify: verify)
    }

    /// Goes on to where the file ends now.
    mutating func advance(_ file: FileHandle, verify: Bool) throws {
        let size = UInt64(try file.status().size)
        while length + UInt64(PackFormat.recordHeaderLength) <= size {
            let header = try file.read(count: PackFormat.recordHeaderLength, at: Int64(length))
            guard let entry = header.withUnsafeBytes({ PackFormat.parseRecordHeader($0, offset: length) }),
                entry.range.upperBound <= size
            else { return }
            length = entry.range.upperBound
            if verify, !(try PackScan.isSound(entry, file)) { continue }
            entries.append(entry)
        }
    }

    private static func isSound(_ entry: PackEntry, _ file: FileHandle) throws -> Bool {
        do {
            _ = try Pack.read(entry, from: file, name: file.path)
            return true
        } catch let error as MLError where error.code == .corrupt {
            return false
        }
    }
}
