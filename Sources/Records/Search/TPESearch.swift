import Base
import Glibc

/// Proposes points at random, or by a tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl, "Algorithms
/// for Hyper-Parameter Optimization", NIPS 2011, §4; with the independent one-dimensional densities used there).
///
/// Trials are split into the best tenth and the rest; for each param a density is laid over either (Gaussians at the
/// values, as wide as the distance to the neighbours, and the uniform prior), 24 values are drawn from the good one, and
/// that with the largest ratio good / rest is taken.
public struct TPESearch: Sendable {
    /// A point with what it was worth; smaller is better.
    public struct Trial: Sendable {
        public var point: ParamPoint
        public var loss: Double

        public init(point: ParamPoint, loss: Double) {
            self.point = point
            self.loss = loss
        }
    }

    private let ranges: [ParamRange]
    private let seed: UInt64
    /// Random points before the estimator has enough to learn from.
    private let startup: Int
    private static let candidates = 24

    public init(_ ranges: [ParamRange], seed: UInt64, startup: Int = 10) {
        self.ranges = ranges
        self.seed = seed
        self.startup = startup
    }

    /// A uniformly drawn point: the one with this number, whatever came before.
    public func random(_ number: Int) -> ParamPoint {
        var random = SeededRandom(seed: seed, purpose: "search", position: UInt64(number))
        return ranges.map { value($0, random.uniform()) }
    }

    /// The point with this number, given what earlier ones were worth.
    public func propose(_ number: Int, _ trials: [Trial]) -> ParamPoint {
        let trials = trials.filter { $0.loss.isFinite }
        guard trials.count >= startup else { return random(number) }
        let ordered = trials.enumerated().sorted { ($0.element.loss, $0.offset) < ($1.element.loss, $1.offset) }
            .map(\.element.point)
        let count = max(1, Int((Double(ordered.count) * 0.1).rounded(.up)))
        var random = SeededRandom(seed: seed, purpose: "tpe", position: UInt64(number))
        return ranges.indices.map { index in
            let range = ranges[index]
            let good = ordered[..<count].map { position($0[index], range) }
            let rest = ordered[count...].map { position($0[index], range) }
            if case .choices(let choices) = range.values {
                return choices[category(choices.count, good, rest, &random)]
            }
            let (better, worse) = (Parzen(good), Parzen(rest))
            var best = (ratio: -Double.infinity, place: 0.5)
            for _ in 0..<TPESearch.candidates {
                let place = better.sample(&random)
                let ratio = log(better.density(place)) - log(worse.density(place))
                if ratio > best.ratio { best = (ratio, place) }
            }
            return value(range, best.place)
        }
    }

    /// Categories: counts with one for each as prior.
    private func category(_ count: Int, _ good: [Double], _ rest: [Double], _ random: inout SeededRandom) -> Int {
        func weights(_ places: [Double]) -> [Double] {
            var weights = [Double](repeating: 1, count: count)
            for place in places { weights[min(count - 1, Int(place * Double(count)))] += 1 }
            let total = weights.reduce(0, +)
            return weights.map { $0 / total }
        }
        let (better, worse) = (weights(good), weights(rest))
        var best = (ratio: -Double.infinity, index: 0)
        for _ in 0..<TPESearch.candidates {
            var draw = random.uniform()
            var index = 0
            while index < count - 1, draw >= better[index] {
                draw -= better[index]
                index += 1
            }
            if better[index] / worse[index] > best.ratio { best = (better[index] / worse[index], index) }
        }
        return best.index
    }

    /// The value at a place in [0, 1).
    private func value(_ range: ParamRange, _ place: Double) -> JSON {
        switch range.values {
        case .choices(let choices): return choices[min(choices.count - 1, Int(place * Double(choices.count)))]
        case .interval(let low, let high, let isLogarithmic, let isWhole):
            // A whole number has as much room as its neighbours, the ends too.
            let (a, b) = isWhole ? (low - 0.5, high + 0.5) : (low, high)
            let number =
                isLogarithmic
                ? exp(log(max(a, low / 2)) + place * (log(b) - log(max(a, low / 2)))) : a + place * (b - a)
            if isWhole { return .integer(Int64(min(high, max(low, number.rounded())))) }
            // Six significant digits are enough to tell points apart and can be read.
            return .number(Double(fixed(number)) ?? number)
        }
    }

    private func fixed(_ number: Double) -> String {
        if number == 0 { return "0" }
        let digits = max(0, 5 - Int(floor(log10(abs(number)))))
        let scale = pow(10, Double(min(digits, 300)))
        return ((number * scale).rounded() / scale).description
    }

    /// Where in [0, 1) a value lies.
    private func position(_ value: JSON, _ range: ParamRange) -> Double {
        switch range.values {
        case .choices(let choices):
            let index = choices.firstIndex(of: value) ?? 0
            return (Double(index) + 0.5) / Double(choices.count)
        case .interval(let low, let high, let isLogarithmic, let isWhole):
            let number = value.doubleValue ?? low
            let (a, b) = isWhole ? (low - 0.5, high + 0.5) : (low, high)
            let place =
                isLogarithmic
                ? (log(number) - log(max(a, low / 2))) / (log(b) - log(max(a, low / 2))) : (number - a) / (b - a)
            return min(0.999_999, max(0, place))
        }
    }
}

/// A density on [0, 1): Gaussians cut off at the ends, and the uniform prior with the weight of one.
private struct Parzen {
    let centers: [Double]
    let widths: [Double]

    init(_ places: [Double]) {
        let sorted = places.sorted()
        centers = sorted
        let least = 1 / Double(min(100, sorted.count + 2))
        widths = sorted.indices.map { index in
            let before = index > 0 ? sorted[index] - sorted[index - 1] : sorted[index]
            let after = index + 1 < sorted.count ? sorted[index + 1] - sorted[index] : 1 - sorted[index]
            return min(1, max(least, max(before, after)))
        }
    }

    func sample(_ random: inout SeededRandom) -> Double {
        let index = random.below(centers.count + 1)
        if index == centers.count { return random.uniform() }
        for _ in 0..<100 {
            // Box and Muller.
            let radius = (-2 * log(1 - random.uniform())).squareRoot()
            let place = centers[index] + widths[index] * radius * cos(2 * Double.pi * random.uniform())
            if place >= 0 && place < 1 { return place }
        }
        return centers[index]
    }

    func density(_ place: Double) -> Double {
        let sum = zip(centers, widths).reduce(1.0) { sum, part in
            let z = (place - part.0) / part.1
            let mass = (erf((1 - part.0) / part.1 / 2.0.squareRoot()) + erf(part.0 / part.1 / 2.0.squareRoot())) / 2
            return sum + exp(-z * z / 2) / (part.1 * (2 * Double.pi).squareRoot() * max(mass, 1e-12))
        }
        return sum / Double(centers.count + 1)
    }
}

/// Stops a trial whose best value so far is worse than the median of what finished trials had on average up to the same
/// step (Golovin et al., "Google Vizier", KDD 2017, §3.2.2).
public struct MedianStop: Sendable {
    /// Fewer finished trials say nothing.
    public static let leastTrials = 3

    private let finished: [[(step: Int64, loss: Double)]]

    /// - Parameter finished: the losses of finished trials by step; smaller is better.
    public init(_ finished: [[(step: Int64, loss: Double)]]) { self.finished = finished.filter { !$0.isEmpty } }

    /// Whether a running trial should go on no longer.
    public func stops(_ running: [(step: Int64, loss: Double)]) -> Bool {
        guard let last = running.map(\.step).max(), let best = running.map(\.loss).min() else { return false }
        let averages = finished.compactMap { series -> Double? in
            let losses = series.filter { $0.step <= last }.map(\.loss)
            return losses.isEmpty ? nil : losses.reduce(0, +) / Double(losses.count)
        }.sorted()
        guard averages.count >= MedianStop.leastTrials else { return false }
        let middle = averages.count / 2
        let median = averages.count % 2 == 1 ? averages[middle] : (averages[middle - 1] + averages[middle]) / 2
        return best > median
    }
}
