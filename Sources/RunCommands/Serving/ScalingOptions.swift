import ArgumentParser
import Base
import CommandKit
import Serving

/// How many processes answer.
struct ScalingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Answer with so many processes instead of threads.", valueName: "n"))
    var replicas: Int?
    @Option(help: ArgumentHelp("Never fewer than this; 0 starts the first one with the first request.", valueName: "n"))
    var minReplicas: Int?
    @Option(help: ArgumentHelp("As many as the load needs, up to this.", valueName: "n")) var maxReplicas: Int?
    @Option(help: ArgumentHelp("Requests, waiting and being answered, that one replica should have.", valueName: "x"))
    var targetInFlight = 1.0
    @Option(help: ArgumentHelp("Seconds over which requests in flight are averaged.", valueName: "s")) var window = 60.0
    @Option(help: ArgumentHelp("Seconds between decisions.", valueName: "s")) var tick = 10.0
    @Option(help: ArgumentHelp("No fewer than the most that were needed within so many seconds.", valueName: "s"))
    var downscaleStabilization = 300.0
    @Option(help: ArgumentHelp("No more than the fewest that were needed within so many seconds.", valueName: "s"))
    var upscaleStabilization = 60.0
    @Option(help: ArgumentHelp("A smaller share is not taken away.", valueName: "share")) var downscaleTolerance = 0.05
    @Option(help: ArgumentHelp("A smaller share is not added.", valueName: "share")) var upscaleTolerance = 0.05
    @Option(help: ArgumentHelp("One decision leaves at least this share.", valueName: "share"))
    var maxDownscaleFactor = 0.75
    @Option(help: ArgumentHelp("One decision makes at most so many times as many.", valueName: "x"))
    var maxUpscaleFactor = 1.5

    /// Whether processes answer.
    var isReplicated: Bool { replicas != nil || isAutomatic }
    /// Whether their number follows the load.
    var isAutomatic: Bool { minReplicas != nil || maxReplicas != nil }
    /// How many there are at first.
    var first: Int { replicas ?? max(minReplicas ?? 1, 0) }

    func parameters() throws -> Autoscaler.Parameters {
        var out = Autoscaler.Parameters()
        out.minReplicas = minReplicas ?? min(1, maxReplicas ?? 1)
        out.maxReplicas = maxReplicas ?? max(processorCount(), out.minReplicas, 1)
        out.targetInFlight = targetInFlight
        out.window = window
        out.tick = tick
        out.downscaleStabilization = downscaleStabilization
        out.upscaleStabilization = upscaleStabilization
        out.downscaleTolerance = downscaleTolerance
        out.upscaleTolerance = upscaleTolerance
        out.maxDownscaleFactor = maxDownscaleFactor
        out.maxUpscaleFactor = maxUpscaleFactor
        try out.check()
        if let replicas {
            guard replicas >= 1, replicas <= 1000 else { throw MLError(.usage, "--replicas must be from 1 to 1000") }
            guard !isAutomatic || (out.minReplicas...out.maxReplicas).contains(replicas) else {
                throw MLError(.usage, "--replicas must be from --min-replicas to --max-replicas")
            }
        }
        return out
    }
}
