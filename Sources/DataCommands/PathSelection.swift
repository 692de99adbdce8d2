import ArgumentParser
import Base

/// Patterns of paths to take and to leave, spelled as in Git LFS.
struct PathSelection: ParsableArguments {
    @Option(
        name: [.customShort("I"), .long],
        help: ArgumentHelp("Only files that match one of these (patterns with commas between).", valueName: "patterns"))
    var include: [String] = []
    @Option(
        name: [.customShort("X"), .long],
        help: ArgumentHelp("No files that match one of these.", valueName: "patterns"))
    var exclude: [String] = []

    var filter: PathFilter { PathFilter(include: include, exclude: exclude) }
}
