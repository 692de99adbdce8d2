import ArgumentParser
import CommandKit

/// `git mldata`: large files in Git.
public struct DataProgram: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "git-mldata",
        abstract: "Keep data and models in Git: pointers in commits, content in a chunked store, upload on push.",
        usage: "git mldata <command> [<options>]",
        discussion: """
            Start:   git mldata install && git mldata track 'data/**'
            Then:    git add, git commit, git push and git clone carry the data along.
            """,
        version: Program.version,
        groupedSubcommands: [
            CommandGroup(
                name: "Set-up", subcommands: [Install.self, Uninstall.self, Track.self, Untrack.self, Remote.self]),
            CommandGroup(
                name: "Daily work",
                subcommands: [
                    Clone.self, Add.self, Status.self, Diff.self, List.self, Sync.self, Checkout.self, Cat.self,
                ]),
            CommandGroup(
                name: "Exchange",
                subcommands: [Push.self, Fetch.self, Pull.self, Get.self, ImportPath.self, ImportURL.self, Update.self]),
            CommandGroup(name: "Locks", subcommands: [Lock.self, Unlock.self, Locks.self]),
            CommandGroup(name: "In and out", subcommands: [Migrate.self, Export.self, Unpack.self]),
            CommandGroup(
                name: "Care", subcommands: [DiskUsage.self, Fsck.self, Doctor.self, Collect.self, Repack.self]),
            CommandGroup(
                name: "Plumbing",
                subcommands: [
                    Clean.self, Smudge.self, FilterProcess.self, TextConversion.self, PointerCommand.self, Hook.self,
                    MergeDriver.self, FetchObjects.self, LFSAgent.self,
                ]),
        ])

    public init() {}
}
