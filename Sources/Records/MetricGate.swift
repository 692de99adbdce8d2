import Base
import Pipelines

/// A metric and what it must meet, as written under a stage's `meta.mlrun.gates`.
public struct MetricGate: Hashable, Sendable {
    public var metric: String
    public var check: MetricCheck

    public init(metric: String, check: MetricCheck) {
        self.metric = metric
        self.check = check
    }

    /// Reads `{metric, min, max, max_decrease, max_increase}`; nil without a metric.
    public init?(_ fields: JSONObject) {
        guard let metric = fields["metric"]?.stringValue else { return nil }
        self.init(
            metric: metric,
            check: MetricCheck(
                minimum: fields["min"]?.doubleValue, maximum: fields["max"]?.doubleValue,
                maximumDecrease: fields["max_decrease"]?.doubleValue,
                maximumIncrease: fields["max_increase"]?.doubleValue))
    }

    /// The gates of a project's stages, in their order.
    public static func gates(of project: Project) -> [MetricGate] {
        project.stages.flatMap { $0.settings.gates.compactMap { MetricGate($0) } }
    }
}

extension MetricCheck {
    /// Whether there is something to compare with another revision.
    public var needsBase: Bool { maximumDecrease != nil || maximumIncrease != nil }
}
