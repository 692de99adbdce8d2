import Base
import DataKit
import GitKit
import Glibc
import ObjectStore

extension DVCMigration {
    /// Whether nothing is left to do.
    public var isDone: Bool { files.isEmpty && obsolete.isEmpty && missing.isEmpty }

    /// Stages everything.
    ///
    /// - Throws: `MLError(.negative)` when content is missing; then nothing was changed.
    public func run(progress: any ProgressReporter) throws -> Outcome {
        if let first = missing.first {
            throw MLError(
                .negative,
                "content of '\(first)'\(missing.count > 1 ? " and \(missing.count - 1) more" : "") is in no cache or "
                    + "folder that can be read here; nothing was changed",
                hints: [
                    foreignRemotes.isEmpty
                        ? "look for it with 'dvc status --cloud'"
                        : "'dvc fetch' brings it from \(foreignRemotes.joined(separator: ", ")); then run the command again"
                ])
        }
        var outcome = Outcome()
        let pointers = try ContentImport.add(files.map(\.source), to: data.openStore(), progress: progress)
        outcome.files = files.count
        outcome.bytes = files.reduce(0) { $0 + $1.size }
        try fillWorkTree(pointers, &outcome, progress)
        outcome.patterns = try track()
        let ignores = try stopIgnoring()
        try stage(pointers, ignores)
        outcome.removed = obsolete
        for path in obsolete { try Files.remove(top + "/" + path) }
        outcome.hooks = try Installation(scope: .local, repository: data.repository).removeHooks { text in
            let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
            return !lines.isEmpty && lines.allSatisfy { $0.contains("dvc git-hook") }
        }
        return outcome
    }

    /// Real files where DVC had links, or nothing.
    private func fillWorkTree(_ pointers: [Pointer?], _ outcome: inout Outcome, _ progress: any ProgressReporter) throws
    {
        let store = try data.openStore()
        let scratch = try ScratchFolder(data.scratchDirectory)
        for (index, (file, pointer)) in zip(files, pointers).enumerated() {
            let target = top + "/" + file.path
            let status = Files.status(target)
            let mode: mode_t = file.isExecutable ? 0o777 : 0o666
            if let status, status.isRegular, try FileHandle(reading: target).linkCount() == 1 {
                // DVC makes what it linked read-only, and notes who may run it elsewhere.
                let wanted = mode_t(status.mode & 0o7777) | 0o200 | (file.isExecutable ? 0o111 : 0)
                if wanted != mode_t(status.mode & 0o7777) { chmod(target, wanted) }
                continue
            }
            if status != nil { outcome.unlinked += 1 }
            try Files.makeDirectories(Files.parent(of: target))
            _ = try scratch.replace(target) { temporary in
                let output = try FileHandle(creating: temporary, mode: mode)
                if let pointer { try store.write(pointer.oid, to: output) }
                try output.synchronize()
                try output.close()
            }
            progress.report("Writing files", completed: index + 1, total: files.count, detail: file.path)
        }
    }

    private func track() throws -> [String] {
        let path = top + "/.gitattributes"
        let old = Files.exists(path) ? try Files.read(path) : []
        let new = AttributeLines.adding(patterns, to: old)
        if new != old { try data.repository.writeWorkTreeFile(new, to: path) }
        return patterns.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Takes DVC's own lines out of `.gitignore` files.
    ///
    /// - Returns: the files to stage: those that changed now, or in a run that was cut off before it staged them.
    private func stopIgnoring() throws -> [String] {
        var changed: [String] = []
        for (name, lines) in ignoreLines.sorted(by: { $0.key < $1.key }) {
            let path = top + "/" + name
            let staged = try tracked[name].map { String(decoding: try data.repository.readBlob($0.id), as: UTF8.self) }
            if let staged, DVCMigration.without(lines, staged) != staged { changed.append(name) }
            guard Files.status(path)?.isRegular == true else { continue }
            let old = try Files.readText(path)
            let kept = DVCMigration.without(lines, old)
            if kept == old { continue }
            if changed.last != name { changed.append(name) }
            if kept.allSatisfy(\.isNewline) {
                try Files.remove(path)
            } else {
                try data.repository.writeWorkTreeFile(Array(kept.utf8), to: path)
            }
        }
        return changed
    }

    /// The text without DVC's lines; it escapes what would be a wildcard.
    private static func without(_ lines: Set<String>, _ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { line in !lines.contains(line.filter { $0 != "\\" && $0 != "\r" }) }.joined(separator: "\n")
    }

    private func stage(_ pointers: [Pointer?], _ ignores: [String]) throws {
        let repository = data.repository
        let blobs = try repository.writeBlobs(pointers.map { $0?.encoded ?? [] })
        var input: [UInt8] = []
        var statuses: [String: Files.Status] = [:]
        for (file, blob) in zip(files, blobs) {
            input += Array("\(file.isExecutable ? "100755" : "100644") \(blob.hex) 0\t\(file.path)\0".utf8)
            statuses[file.path] = Files.status(top + "/" + file.path)
        }
        for path in [".gitattributes"] + ignores + obsolete {
            if obsolete.contains(path) || !Files.exists(top + "/" + path) {
                if tracked[path] != nil { input += Array("0 \(GitID.zero.hex) 0\t\(path)\0".utf8) }
            } else {
                let blob = try repository.writeBlob(Files.read(top + "/" + path))
                input += Array("100644 \(blob.hex) 0\t\(path)\0".utf8)
            }
        }
        try repository.git.run(["update-index", "-z", "--add", "--replace", "--index-info"], input: input)
        var updates = IndexUpdates()
        for (file, blob) in zip(files, blobs) {
            if let status = statuses[file.path] { updates.append(file.path, status, blob) }
        }
        try IndexFile.refresh(path: repository.indexPath, updates)
        _ = try repository.git.start(["update-index", "-q", "--refresh"])
    }
}
