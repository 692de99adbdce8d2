import Base
import Dispatch
import GitKit
import Glibc

/// Runs the pipeline of a scratch work tree in a process of its own, as the user would by hand: `git mlrun repro`.
public struct PipelineRun: Sendable {
    /// How it ended.
    public struct Outcome: Sendable {
        public var status: Int32
        /// Everything the run said.
        public var log: [UInt8]
        public var duration: Double
        /// Whether the watcher stopped it.
        public var wasStopped: Bool
        public var succeeded: Bool { status == 0 && !wasStopped }
    }

    /// Path of `git-mlrun`.
    public var program: String
    /// Targets and flags of `repro`.
    public var arguments: [String]

    public init(program: String, arguments: [String] = []) {
        self.program = program
        self.arguments = arguments
    }

    /// Runs and waits.
    ///
    /// - Parameter shouldStop: asked a few times a second; true ends the run with SIGTERM.
    public func run(in tree: ScratchTree, shouldStop: (() -> Bool)? = nil) throws -> Outcome {
        let log = tree.path + ".log"
        defer { try? Files.remove(log) }
        let start = monotonicSeconds()
        // The shell's own id becomes the program's.
        let script = "echo $$ > \"$0.pid\"; exec \"$@\" > \"$0\" 2>&1"
        var environment: [String: String?] = GitCommand.localVariables
        for name in ["MLRUN_STAGE", "MLRUN_ROOT", "DVC_STAGE", "DVC_ROOT"] { environment[name] = String?.none }
        let process = Subprocess(
            ["/bin/sh", "-c", script, log, program, "repro"] + arguments, directory: tree.path,
            environment: environment,
            input: [])
        defer { try? Files.remove(log + ".pid") }
        let watcher = shouldStop.map { _ in StopSwitch() }
        var result: Subprocess.Result?
        if let shouldStop, let watcher {
            let work = BackgroundWork { try process.run() }
            while true {
                result = try work.result()
                if result != nil { break }
                if !watcher.isPressed, shouldStop() { watcher.press(log + ".pid") }
                usleep(50_000)
            }
        } else {
            result = try process.run()
        }
        return Outcome(
            status: result?.status ?? -1, log: (try? Files.read(log)) ?? [], duration: monotonicSeconds() - start,
            wasStopped: watcher?.isPressed ?? false)
    }
}

/// Ends a process by the id it wrote down, once.
private final class StopSwitch {
    private(set) var isPressed = false

    func press(_ file: String) {
        guard let text = try? Files.readText(file), let id = pid_t(text.prefix { $0.isNumber }), id > 1 else { return }
        isPressed = kill(id, SIGTERM) == 0
    }
}

/// One piece of work on another thread.
private final class BackgroundWork<Value: Sendable>: @unchecked Sendable {
    private let mutex = Mutex()
    private var outcome: Result<Value, any Error>?

    init(_ body: @escaping @Sendable () throws -> Value) {
        DispatchQueue.global().async { [self] in
            let found = Result { try body() }
            mutex.withLock { outcome = found }
        }
    }

    /// The result once it is there; nil before.
    func result() throws -> Value? { try mutex.withLock { outcome }?.get() }
}
