import Base
import GitKit
import ObjectStore

extension DataRepository {
    /// From so many commits on a scan is worth more than one process.
    private static let splitFrom = 5_000

    /// Pointers in all blobs reachable from some commits but not from others, each content once, with one of its paths.
    ///
    /// A long history is cut into stretches that are scanned at the same time.
    public func pointers(reachableFrom tips: [String], excluding: [String]) throws -> [PointerFile] {
        if tips.isEmpty { return [] }
        let stretches = try stretches(tips, excluding)
        let found = try parallelMap(count: stretches.count) { index in
            // A handle of its own: calls on one are serialised.
            let handle = stretches.count == 1 ? repository : try Repository(discoveringFrom: repository.git.directory)
            return try DataRepository.scan(stretches[index], handle)
        }
        var seen: Set<ObjectID> = []
        return found.flatMap { $0 }.filter { seen.insert($0.pointer.oid).inserted }
    }

    /// Input for `git rev-list --stdin`, one for each stretch; together they name every commit asked for.
    private func stretches(_ tips: [String], _ excluding: [String]) throws -> [[String]] {
        let whole = tips + excluding.map { "^" + $0 }
        let workers = processorCount()
        if workers == 1 { return [whole] }
        let listing = try repository.git.start(["rev-list", "--stdin"], input: DataRepository.lines(whole)).output
        let width = GitID.zero.hex.utf8.count + 1
        let count = listing.count / width
        if count < DataRepository.splitFrom { return [whole] }
        let cuts = (1..<workers).map { worker in
            let start = worker * count / workers * width
            return String(decoding: listing[start..<start + width - 1], as: UTF8.self)
        }
        var parts: [[String]] = []
        var heads = tips
        for cut in cuts {
            parts.append(heads + (excluding + [cut]).map { "^" + $0 })
            heads = [cut]
        }
        return parts + [heads + excluding.map { "^" + $0 }]
    }

    private static func scan(_ input: [String], _ repository: Repository) throws -> [PointerFile] {
        // Git itself leaves out what can be no pointer; in a partial clone nothing is fetched only to be looked at.
        let listing = try repository.git.run(
            [
                "rev-list", "--objects", "--stdin", "--filter=combine:object:type=blob+blob:limit=\(Pointer.sizeLimit)",
                "--filter-provided-objects", "--missing=allow-promisor",
            ], input: lines(input))
        let width = GitID.zero.hex.utf8.count
        return try listing.output.split(separator: 10).compactMap { line in
            guard line.count >= width, let id = GitID(String(decoding: line.prefix(width), as: UTF8.self)),
                let pointer = try pointer(id, repository)
            else { return nil }
            let path = String(path: line.dropFirst(width + 1))
            return PointerFile(path: path, blob: id, pointer: pointer, isExecutable: false)
        }
    }

    private static func lines(_ words: [String]) -> [UInt8] { Array((words.joined(separator: "\n") + "\n").utf8) }
}
