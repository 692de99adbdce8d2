import Base
import GitKit
import Records

/// Where values that a stage's commands record wait until the stage has run: a file a stage in the folder of the work
/// tree's own Git data, one line a call.
public struct RecordedFile: Sendable {
    private let folder: String

    public init(_ repository: Repository) { folder = repository.gitDirectory + "/mlrun/recorded" }

    /// Adds values for the run of a stage that is under way.
    public func add(_ values: RecordedValues, stage address: String) throws {
        try Files.makeDirectories(folder)
        try FileHandle(appendingTo: path(address)).writeAll(Array((values.line + "\n").utf8))
    }

    /// What waits for a stage; it waits no longer.
    func take(stage address: String) throws -> RecordedValues {
        var values = RecordedValues()
        let path = path(address)
        guard Files.exists(path) else { return values }
        // Moved first: what a process left running adds from now on belongs to no run.
        let taken = Files.temporaryName(beside: path)
        try Files.rename(path, to: taken)
        for line in try Files.readText(taken).split(separator: "\n") {
            if let more = RecordedValues(line: String(line)) { values.add(more) }
        }
        try Files.remove(taken)
        return values
    }

    /// What waits for any stage, without taking it: a look at a run under way.
    func peek() -> RecordedValues {
        var values = RecordedValues()
        for name in (try? Files.list(folder)) ?? [] where !name.hasPrefix(".") {
            for line in (try? Files.readText(folder + "/" + name))?.split(separator: "\n") ?? [] {
                if let more = RecordedValues(line: String(line)) { values.add(more) }
            }
        }
        return values
    }

    private func path(_ address: String) -> String { folder + "/" + ObjectID.of(address).hex }
}
