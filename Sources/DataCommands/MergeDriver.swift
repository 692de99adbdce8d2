import ArgumentParser
import Base
import CommandKit
import DataDiff
import DataKit
import Reports

struct MergeDriver: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge-driver", abstract: "Merge two versions of a tracked file: git runs it.",
        shouldDisplay: false)

    @Argument var base: String
    @Argument var ours: String
    @Argument var theirs: String
    @Argument var path: String
    @OptionGroup var common: CommonOptions

    /// Git hands over cleaned files, that is pointers, and takes what stands in the file of ours for the result. A
    /// conflict leaves that file alone, so that no marker ever gets into a pointer.
    func run() throws {
        let ui = try UserInterface(common)
        let data = try DataRepository()
        let versions = try MergeVersions(data, base: base, ours: ours, theirs: theirs)
        if versions.ours.bytes == versions.theirs.bytes { return }
        switch try merge(versions, data, ui) {
        case .merged(let content): try versions.keep(content, in: ours)
        case .conflict(let reason):
            report(reason, versions, ui)
            throw ExitCode(ExitStatus.negative)
        }
    }

    private func merge(
        _ versions: MergeVersions, _ data: DataRepository, _ ui: UserInterface
    ) throws -> ContentMerge.Outcome {
        let longest = max(versions.base.size, versions.ours.size, versions.theirs.size)
        if longest > ContentMerge.sizeLimit {
            return .conflict("longer than \(Quantity.bytes(ContentMerge.sizeLimit)), so not merged by content")
        }
        if try versions.isAnyLocal(head: ContentKind.headLength, ContentMerge.isBinary) {
            return .conflict("binary content")
        }
        do {
            let (base, ours, theirs) = try versions.contents(ui.progress)
            return try ContentMerge.merge(path: path, base: base, ours: ours, theirs: theirs) {
                try mergeFile($0, $1, $2, data.scratchDirectory)
            }
        } catch let error as MLError {
            return .conflict("\(error)")
        }
    }

    /// `git merge-file`, in a folder of its own.
    private func mergeFile(_ ours: [UInt8], _ base: [UInt8], _ theirs: [UInt8], _ scratch: String) throws -> [UInt8] {
        let folder = Files.temporaryName(beside: scratch + "/merge")
        try Files.makeDirectories(folder)
        defer { try? Files.remove(folder) }
        var names: [String] = []
        for (name, bytes) in [("ours", ours), ("base", base), ("theirs", theirs)] {
            names.append(folder + "/" + name)
            try Files.writeAtomically(bytes, to: folder + "/" + name)
        }
        let result = try Subprocess(["git", "merge-file", "-p", "-q", "--diff3"] + names).run()
        // The status is the number of conflicts, at most 127; above that git failed.
        guard result.status <= 127 else {
            throw MLError(.failed, "git merge-file failed: \(result.errorText.split(separator: "\n").last ?? "")")
        }
        return result.output
    }

    private func report(_ reason: String, _ versions: MergeVersions, _ ui: UserInterface) {
        let sizes = [("base", versions.base), ("ours", versions.ours), ("theirs", versions.theirs)]
            .map { "\($0.0) \(Quantity.bytes($0.1.size))" }.joined(separator: ", ")
        let name = ShellWord.quote(path)
        ui.warning("cannot merge '\(path)' (\(sizes)): \(reason); the work tree keeps ours")
        ui.hint("git mldata checkout --ours|--theirs|--base -- \(name), or with --to FILE; then git add \(name)")
    }
}

/// Words that can be pasted into a shell.
enum ShellWord {
    static func quote(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.unicodeScalars.allSatisfy {
                $0.properties.isAlphabetic || ("0"..."9").contains($0) || "_-./+=:,@%".unicodeScalars.contains($0)
            }
        return isPlain
            ? word : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
