import Base
import CGit2

/// A pack on its way to the disk with its index: durable when `write` returns.
final class PackFile {
    private static let step = 1 << 20
    private let folder: String
    private var waiting: [UInt8] = []
    private var indexer: OpaquePointer?
    private var progress = git_indexer_progress()

    init(_ repository: Repository) throws {
        folder = repository.commonDirectory + "/objects/pack"
        try LibGit2.check(.io, "cannot write a pack") { git_indexer_new(&indexer, folder, 0o444, nil, nil) }
    }

    deinit { git_indexer_free(indexer) }

    /// Writes what a builder makes: that comes in pieces of some bytes, and libgit2's indexer, which `git_packbuilder_write`
    /// hands each piece, maps the whole file anew for every one.
    func write(_ builder: OpaquePointer?) throws {
        let result = git_packbuilder_foreach(
            builder,
            { piece, count, context in
                guard let piece, let context else { return -1 }
                let file = Unmanaged<PackFile>.fromOpaque(context).takeUnretainedValue()
                file.waiting += UnsafeRawBufferPointer(start: piece, count: count)
                return file.waiting.count < PackFile.step ? 0 : file.send()
            }, Unmanaged.passUnretained(self).toOpaque())
        try LibGit2.check(.io, "cannot write a pack") { result }
        try finish()
    }

    /// Writes blobs as they are (git: gitformat-pack, "pack-*.pack files"; RFC 1950 and RFC 1951, 3.2.4): pointers are mostly
    /// digits of hashes, and to look for what two of them share costs ten times the rest. `git gc` packs them again.
    func write(blobs: [[UInt8]]) throws {
        waiting.reserveCapacity(blobs.reduce(64) { $0 + $1.count + 24 })
        waiting += Array("PACK".utf8) + bigEndian(2) + bigEndian(UInt32(blobs.count))
        for blob in blobs {
            // Kind 3 and the length, its lowest four bits first.
            var rest = blob.count >> 4
            waiting.append(UInt8(0x30 | blob.count & 15 | (rest > 0 ? 0x80 : 0)))
            while rest > 0 {
                waiting.append(UInt8(rest & 0x7F | (rest > 0x7F ? 0x80 : 0)))
                rest >>= 7
            }
            deflate(blob)
        }
        waiting += waiting.withUnsafeBytes { SHA1.digest($0) }
        try finish()
    }

    /// As a stream of stored blocks.
    private func deflate(_ bytes: [UInt8]) {
        waiting += [0x78, 0x01]
        var start = 0
        repeat {
            let end = min(start + 0xFFFF, bytes.count)
            let length = UInt16(end - start)
            waiting.append(end == bytes.count ? 1 : 0)
            for half in [length, ~length] { waiting += [UInt8(half & 0xFF), UInt8(half >> 8)] }
            waiting += bytes[start..<end]
            start = end
        } while start < bytes.count
        // Adler-32; 5,552 bytes are as many as its sums hold without a remainder taken.
        var (low, high): (UInt32, UInt32) = (1, 0)
        for from in stride(from: 0, to: bytes.count, by: 5552) {
            for byte in bytes[from..<min(from + 5552, bytes.count)] {
                low += UInt32(byte)
                high += low
            }
            low %= 65521
            high %= 65521
        }
        waiting += bigEndian(high << 16 | low)
    }

    private func bigEndian(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    private func send() -> Int32 {
        defer { waiting.removeAll(keepingCapacity: true) }
        return git_indexer_append(indexer, waiting, waiting.count, &progress)
    }

    private func finish() throws {
        try LibGit2.check(.io, "cannot write a pack") { send() }
        try LibGit2.check(.io, "cannot write a pack") { git_indexer_commit(indexer, &progress) }
        guard let name = git_indexer_name(indexer).map({ String(cString: $0) }) else {
            throw MLError(.io, "cannot write a pack")
        }
        for ending in ["pack", "idx"] { try FileHandle(reading: "\(folder)/pack-\(name).\(ending)").synchronize() }
        Files.synchronizeDirectory(folder)
    }
}
