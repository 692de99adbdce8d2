import Base
import GitKit
import Pipelines
import Records

/// Which records a stage has, without reading all records: a file for each of the 256 folders of the records tree, in
/// `.git/mlrun/stages`, that says for which tree object it was made. A folder that changed is read again; the rest stays.
/// Anybody may delete it.
final class StageIndex: @unchecked Sendable {
    private let repository: Repository
    private let folder: String
    private static let magic = "mlrun-stages 1 "

    init(_ repository: Repository) {
        self.repository = repository
        folder = repository.commonDirectory + "/mlrun/stages"
    }

    /// Paths (in the records tree) of the blobs that hold records of a stage, with the time of the newest in each.
    func paths(ofStage address: String, inTree tree: GitID) throws -> [(time: String, path: String)] {
        let wanted = Array(StageIndex.name(address).utf8)
        var found: [(time: String, path: String)] = []
        for entry in try repository.children(ofTree: tree) where entry.mode == 0o040000 && entry.path.utf8.count == 2 {
            let bytes = try lines(entry)
            var start = bytes.firstIndex(of: 10).map { $0 + 1 } ?? bytes.count
            // name (16), time (20), rest of the key (62), with blanks between and a line feed: 101 bytes.
            while start + 101 <= bytes.count {
                if bytes[start..<start + 16].elementsEqual(wanted) {
                    let time = String(decoding: bytes[start + 17..<start + 37], as: UTF8.self)
                    let rest = String(decoding: bytes[start + 38..<start + 100], as: UTF8.self)
                    found.append((time, entry.path + "/" + rest))
                }
                start += 101
            }
        }
        return found
    }

    private func lines(_ entry: TreeEntry) throws -> [UInt8] {
        let path = folder + "/" + entry.path
        let title = Array("\(StageIndex.magic)\(entry.id)\n".utf8)
        if let bytes = try? Files.read(path), bytes.starts(with: title), (bytes.count - title.count) % 101 == 0 {
            return bytes
        }
        var out = title
        for blob in try repository.children(ofTree: entry.id) where blob.isRegularFile && blob.path.utf8.count == 62 {
            var newest: [String: Timestamp] = [:]
            for line in LineUnion.lines(of: try repository.readBlob(blob.id)) {
                guard let (stage, time) = StageIndex.heading(line) else { continue }
                newest[stage] = max(newest[stage] ?? time, time)
            }
            for (stage, time) in newest { out += "\(StageIndex.name(stage)) \(time) \(blob.path)\n".utf8 }
        }
        // Without a place to write it is made again next time.
        try? write(out, to: path)
        return out
    }

    /// What can be made again need not survive a power cut: no waiting for the disk.
    private func write(_ bytes: [UInt8], to path: String) throws {
        try Files.makeDirectories(folder)
        let temporary = Files.temporaryName(beside: path)
        let file = try FileHandle(creating: temporary)
        try file.writeAll(bytes)
        try file.close()
        try Files.rename(temporary, to: path)
    }

    /// Stage and time of a record, which stand first in a line; the whole line is read only where they do not.
    private static func heading(_ line: String) -> (stage: String, time: Timestamp)? {
        // {"time": "…", "v": 1, "stage": "…",  gives these pieces between quotes.
        let parts = line.utf8.prefix(400).split(
            separator: UInt8(ascii: "\""), maxSplits: 10, omittingEmptySubsequences: false)
        if parts.count == 11, parts[1].elementsEqual("time".utf8), parts[5].elementsEqual("v".utf8),
            parts[7].elementsEqual("stage".utf8), !parts[9].contains(UInt8(ascii: "\\")),
            let time = Timestamp(rfc3339: String(decoding: parts[3], as: UTF8.self))
        {
            return (String(decoding: parts[9], as: UTF8.self), time)
        }
        return (try? RunRecord(line: line)).map { ($0.stage, $0.time) }
    }

    private static func name(_ stage: String) -> String { String(ObjectID.of(stage).hex.prefix(16)) }
}
