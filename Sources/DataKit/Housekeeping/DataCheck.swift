import Base
import GitKit
import ObjectStore

/// Checks pointers and content: every pointer reads, every object is there and is what its name says.
public struct DataCheck: Sendable {
    public struct Finding: Hashable, Sendable {
        /// `corrupt`, `missing` or `pointer`.
        public var kind: String
        public var path: String
        public var text: String
    }

    private let data: DataRepository

    public init(_ data: DataRepository) { self.data = data }

    /// - Parameters:
    ///   - revisions: commits to check; empty for HEAD and the index.
    ///   - pointersOnly: leave the store alone.
    public func run(
        _ revisions: [String], pointersOnly: Bool = false, progress: any ProgressReporter
    ) throws -> [Finding] {
        var (files, findings) = try inspect(revisions)
        if revisions.isEmpty, data.repository.workTree != nil {
            let broken = Set(findings.map(\.path))
            findings += try data.trackedWithoutPointer().filter { !broken.contains($0) }.map {
                Finding(kind: "pointer", path: $0, text: "should be a pointer, but Git holds the content")
            }
        }
        if pointersOnly { return Array(Set(findings)).sorted { ($0.path, $0.text) < ($1.path, $1.text) } }
        let store = try data.openStore()
        var seen: Set<PointerFile> = []
        for (number, file) in files.enumerated() where seen.insert(file).inserted {
            progress.report("Checking", completed: number + 1, total: files.count, detail: file.path)
            findings += try check(file, store)
        }
        // A recipe whose chunks are elsewhere is a download that was cut off; files that matter were asked for above.
        findings += try store.verify(progress: progress).filter { $0.kind != .missingChunk }.map {
            Finding(kind: "corrupt", path: $0.object?.hex ?? $0.pack, text: $0.message)
        }
        return Array(Set(findings)).sorted { ($0.path, $0.text) < ($1.path, $1.text) }
    }

    /// The tracked files that `run` looks at.
    public func files(_ revisions: [String]) throws -> [PointerFile] { try inspect(revisions).files }

    private func inspect(_ revisions: [String]) throws -> (files: [PointerFile], findings: [Finding]) {
        var findings: [Finding] = []
        var files: [PointerFile] = []
        let trees =
            try revisions.isEmpty
            ? [data.repository.head()?.tree].compactMap { $0 }
            : revisions.flatMap(commits).map { try data.repository.commit($0).tree }
        for tree in trees {
            for entry in try data.repository.files(inTree: tree) where entry.isRegularFile {
                try inspect(entry.path, entry.id, entry.isExecutable, &files, &findings)
            }
        }
        if revisions.isEmpty, data.repository.workTree != nil {
            for entry in try IndexFile(path: data.repository.indexPath).entries
            where entry.isRegularFile && entry.stage == 0 {
                try inspect(entry.path, entry.id, entry.mode == 0o100755, &files, &findings)
            }
        }
        return (files, findings)
    }

    /// The commits of a range such as `v1..main`, or the one that a revision is.
    private func commits(_ revision: String) throws -> [String] {
        guard revision.contains("..") else { return [revision] }
        return try data.repository.git.run(["rev-list", revision, "--"]).text.split(separator: "\n").map(String.init)
    }

    private func inspect(
        _ path: String, _ blob: GitID, _ executable: Bool, _ files: inout [PointerFile], _ findings: inout [Finding]
    ) throws {
        guard let size = data.repository.blobSize(blob), size > 0, size < Pointer.sizeLimit else { return }
        let bytes = try data.repository.readBlob(blob)
        if let pointer = Pointer.parse(bytes) {
            files.append(PointerFile(path: path, blob: blob, pointer: pointer, isExecutable: executable))
            if !Pointer.isCanonical(bytes) {
                findings.append(Finding(kind: "pointer", path: path, text: "pointer is not canonical"))
            }
        } else if Pointer.looksLikePointer(bytes) {
            findings.append(Finding(kind: "pointer", path: path, text: "corrupt pointer"))
        }
    }

    private func check(_ file: PointerFile, _ store: ObjectStore) throws -> [Finding] {
        func finding(_ kind: String, _ text: String) -> [Finding] { [Finding(kind: kind, path: file.path, text: text)] }
        var size: Int64 = 0
        do {
            guard try store.contains(file.pointer.oid) else {
                return finding("missing", "object \(file.pointer.oid.hex) is not in the local store")
            }
            try store.write(file.pointer.oid) { part in
                size += Int64(part.count)
            }
        } catch let error as MLError {
            return finding(error.code == .missingObject ? "missing" : "corrupt", error.message)
        }
        if size != file.pointer.size {
            return finding("pointer", "pointer says \(file.pointer.size) bytes, the object has \(size)")
        }
        return []
    }
}
