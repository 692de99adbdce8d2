import ArgumentParser
import Base
import CommandKit
import DataKit
import Glibc
import ModelKit
import Reports

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Train a committed model again from its commit, and compare the bytes.",
        discussion: """
            Data, settings and seed are those of the commit; nothing is checked out. Exits with 0 when the model is
            reproduced to the byte, with 1 when not, and says what differs.

            Examples:
              git mlrun verify HEAD
              git mlrun verify v1.0:models/reviews
            """)

    @Argument(help: ArgumentHelp("A revision, or REV:PATH.", valueName: "rev")) var revision = "HEAD"
    @Option(help: ArgumentHelp("The model's folder in that revision.", valueName: "path")) var model: String?
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let scratch = session.repository.dataDirectory + "/verify.\(getpid())"
        defer { try? Files.remove(scratch) }
        let result = try Reproduction(
            revision, path: model, data: session.data, scratch: scratch, progress: session.ui.progress)
        if json {
            session.ui.write(
                JSON.object([
                    "version": 1, "model": .string(result.model), "reproduced": .bool(result.isReproduced),
                    "files": .array(
                        result.files.map {
                            [
                                "name": .string($0.name), "committed": .string($0.committed.hex),
                                "trained": .string($0.trained.hex),
                            ]
                        }), "differences": JSON(result.differences),
                ]).pretty())
        } else if result.isReproduced {
            session.ui.print("\(result.model): reproduced to the byte")
            for file in result.files { session.ui.print("  \(file.committed.hex)  \(file.name)") }
        } else {
            session.ui.print("\(result.model): not reproduced")
            for line in result.differences { session.ui.print("  \(line)") }
        }
        if !result.isReproduced { throw ExitCode(1) }
    }
}
