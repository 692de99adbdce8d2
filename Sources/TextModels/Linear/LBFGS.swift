import Glibc

/// Limited-memory BFGS with a backtracking line search (Nocedal & Wright, Numerical Optimization, 2nd ed., algorithm 7.5).
package struct LBFGS {
    /// Pairs of steps and gradient changes that are remembered.
    package var memory = 8

    package init() {}
    package var maximumIterations = 100
    /// Stop when the gradient's norm has fallen to this share of the first one.
    package var tolerance = 1e-3

    /// Minimises from `start`.
    ///
    /// - Parameter objective: value and gradient at a point.
    package func minimise(_ start: [Double], _ objective: ([Double]) throws -> (value: Double, gradient: [Double]))
        rethrows
        -> [Double]
    {
        var point = start
        var (value, gradient) = try objective(point)
        let firstNorm = LBFGS.norm(gradient)
        var steps: [(s: [Double], y: [Double], rho: Double)] = []
        for iteration in 0..<maximumIterations {
            if LBFGS.norm(gradient) <= tolerance * max(firstNorm, 1e-12) { break }
            let direction = direction(gradient, steps)
            let slope = LBFGS.dot(gradient, direction)
            var step = iteration == 0 ? min(1, 1 / max(firstNorm, 1e-12)) : 1
            var accepted = false
            for _ in 0..<30 {
                let candidate = zip(point, direction).map { $0 + step * $1 }
                let (newValue, newGradient) = try objective(candidate)
                // Armijo's condition with the usual constant.
                if newValue <= value + 1e-4 * step * slope {
                    let s = zip(candidate, point).map { $0 - $1 }
                    let y = zip(newGradient, gradient).map { $0 - $1 }
                    let curvature = LBFGS.dot(s, y)
                    if curvature > 1e-12 {
                        steps.append((s, y, 1 / curvature))
                        if steps.count > memory { steps.removeFirst() }
                    }
                    (point, value, gradient) = (candidate, newValue, newGradient)
                    accepted = true
                    break
                }
                step /= 2
            }
            if !accepted { break }
        }
        return point
    }

    /// The two-loop recursion.
    private func direction(_ gradient: [Double], _ steps: [(s: [Double], y: [Double], rho: Double)]) -> [Double] {
        var q = gradient
        var alphas: [Double] = []
        for step in steps.reversed() {
            let alpha = step.rho * LBFGS.dot(step.s, q)
            alphas.append(alpha)
            for index in q.indices { q[index] -= alpha * step.y[index] }
        }
        if let last = steps.last {
            let scale = 1 / (last.rho * LBFGS.dot(last.y, last.y))
            for index in q.indices { q[index] *= scale }
        }
        for (step, alpha) in zip(steps, alphas.reversed()) {
            let beta = step.rho * LBFGS.dot(step.y, q)
            for index in q.indices { q[index] += (alpha - beta) * step.s[index] }
        }
        return q.map { -$0 }
    }

    private static func dot(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for index in a.indices { sum += a[index] * b[index] }
        return sum
    }

    private static func norm(_ a: [Double]) -> Double { sqrt(dot(a, a)) }
}
