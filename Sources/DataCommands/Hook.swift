import ArgumentParser
import Base
import CommandKit
import DataKit
import GitKit
import Glibc

/// What the installed hook scripts run.
struct Hook: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hook",
        abstract: "Run a hook: git does, through the scripts 'install' writes.",
        discussion: "git mldata hook NAME SCRIPT [ARGUMENT…]")

    @Argument(parsing: .captureForPassthrough) var arguments: [String]

    func run() throws {
        guard let name = arguments.first, HookScript.names.contains(name) else {
            throw MLError(
                .usage, "unknown hook '\(arguments.first ?? "")'", hint: HookScript.names.joined(separator: ", "))
        }
        let script = arguments.count > 1 ? arguments[1] : ""
        let rest = Array(arguments.dropFirst(2))
        // Standard input is read once and given to everybody who wants it.
        let takesInput = name == "pre-push" || name == "post-rewrite"
        let input = takesInput ? try FileHandle(borrowing: 0, path: "standard input").readToEnd() : []
        try runChained(script, rest, input)
        switch name {
        case "pre-push": try prePush(rest, input)
        case "post-checkout", "post-merge":
            try quietly {
                let session = try Session(CommonOptions.parse([]))
                try fill(session)
                try LockableFiles(session.data).update()
            }
        case "post-commit": try quietly { try LockableFiles(DataRepository()).update() }
        default: break
        }
        // Runs have hooks of their own: notes follow commits, records follow pushes.
        let runs = Executable.sibling("git-mlrun")
        guard runs.contains("/") else { return }
        let answer = try runProgram(runs, ["hook", name] + rest, input)
        // Only a gate that is not met says no, and only to a push.
        if name == "pre-push" && answer == ExitStatus.negative { throw ExitCode(answer) }
    }

    /// The hook that was there before ours: a "no" from it is final.
    private func runChained(_ script: String, _ arguments: [String], _ input: [UInt8]) throws {
        let path = HookScript.chained(script)
        guard let status = Files.status(path), status.isRegular, status.isExecutable else { return }
        let answer = try runProgram(path, arguments, input)
        if answer != 0 { throw ExitCode(answer) }
    }

    private func runProgram(_ path: String, _ arguments: [String], _ input: [UInt8]) throws -> Int32 {
        try Subprocess([path] + arguments, input: input, output: .inherit, errors: .inherit).run().status
    }

    private func prePush(_ arguments: [String], _ input: [UInt8]) throws {
        let refs = PushedRef.parse(String(decoding: input, as: UTF8.self))
        if refs.isEmpty { return }
        let session = try Session(CommonOptions.parse([]))
        let gitRemote = arguments.first ?? "origin"
        try Installation(scope: .local, repository: session.data.repository).addRefspecs()
        let uploader = Uploader(session.data)
        let pointers = try uploader.pointers(pushing: refs, to: gitRemote)
        // No tracked files, no network.
        if pointers.isEmpty { return }
        if let warning = try LockCheck(session.data).run(pushing: refs) {
            session.ui.warning("locks were not checked: \(warning)")
        }
        guard let remote = try session.data.openRemote(gitRemote: gitRemote) else { return }
        let plan = try uploader.plan(pointers, remote)
        if !plan.files.isEmpty {
            let transfer = try uploader.upload(plan, to: remote, progress: session.ui.progress)
            session.ui.status(Push.describe(plan, transfer, remote.name))
        }
        let copies = try uploader.updateCopies(
            pointers, of: session.data.primaryRemote(gitRemote: gitRemote), gitRemote: gitRemote,
            progress: session.ui.progress)
        for copy in copies {
            if let failure = copy.failure {
                // The data is safe where it belongs: a copy that is out of reach does not stop the work.
                session.ui.warning("the copy '\(copy.store)' is not up to date: \(failure)")
                session.ui.hint("bring it up to date with 'git mldata push --all --to \(copy.store)'")
            } else if let plan = copy.plan, !plan.files.isEmpty {
                session.ui.status(Push.describe(plan, copy.transfer, "copy '\(copy.store)'"))
            }
        }
    }

    /// Large files that git's checkout left as pointers; usually the filter has filled them already.
    private func fill(_ session: Session) throws {
        if Workflow.skipsSmudge || session.data.skipsSmudge { return }
        _ = try Workflow.fill([], fetch: true, session)
    }

    /// After the fact nothing can be stopped any more: say what is wrong and let git go on.
    private func quietly(_ body: () throws -> Void) throws {
        do { try body() } catch let error as MLError { _ = ErrorText.show(error) }
    }
}
