/// The element-wise part of one step of a recurrent network, eight units at once.
public enum RecurrentKernels {
    public typealias Vector = VectorFunctions.Vector

    /// A step of a long short-term memory for one sequence.
    ///
    /// - Parameters:
    ///   - gates: 4 · width sums for input, forget, output and candidate; their functions' values afterwards.
    ///   - before: the cell's state before; nil at the start.
    ///   - cell: where the state goes.
    ///   - hidden: where the hidden state goes.
    public static func lstm(
        gates: UnsafeMutablePointer<Float>, before: UnsafePointer<Float>?, cell: UnsafeMutablePointer<Float>,
        hidden: UnsafeMutablePointer<Float>, width: Int
    ) {
        var unit = 0
        while unit < width {
            let count = min(8, width - unit)
            let i = VectorFunctions.sigmoid(load(gates + unit, count))
            let f = VectorFunctions.sigmoid(load(gates + width + unit, count))
            let o = VectorFunctions.sigmoid(load(gates + 2 * width + unit, count))
            let g = VectorFunctions.tanh(load(gates + 3 * width + unit, count))
            let old = before.map { load($0 + unit, count) } ?? Vector(repeating: 0)
            let state = f * old + i * g
            store(i, gates + unit, count)
            store(f, gates + width + unit, count)
            store(o, gates + 2 * width + unit, count)
            store(g, gates + 3 * width + unit, count)
            store(state, cell + unit, count)
            store(o * VectorFunctions.tanh(state), hidden + unit, count)
            unit += 8
        }
    }

    /// The way back through such a step.
    ///
    /// - Parameters:
    ///   - gates: as `lstm` left them; the gradients of the sums afterwards.
    ///   - cell: the state after the step.
    ///   - gradient: of the hidden state.
    ///   - carried: the gradient of the state after the step; of the state before it afterwards.
    public static func lstmBackward(
        gates: UnsafeMutablePointer<Float>, before: UnsafePointer<Float>?, cell: UnsafePointer<Float>,
        gradient: UnsafePointer<Float>, carried: UnsafeMutablePointer<Float>, width: Int
    ) {
        var unit = 0
        while unit < width {
            let count = min(8, width - unit)
            let i = load(gates + unit, count)
            let f = load(gates + width + unit, count)
            let o = load(gates + 2 * width + unit, count)
            let g = load(gates + 3 * width + unit, count)
            let squashed = VectorFunctions.tanh(load(cell + unit, count))
            let dh = load(gradient + unit, count)
            let dc = load(carried + unit, count) + dh * o * (1 - squashed * squashed)
            let old = before.map { load($0 + unit, count) } ?? Vector(repeating: 0)
            store(dc * g * i * (1 - i), gates + unit, count)
            store(dc * old * f * (1 - f), gates + width + unit, count)
            store(dh * squashed * o * (1 - o), gates + 2 * width + unit, count)
            store(dc * i * (1 - g * g), gates + 3 * width + unit, count)
            store(dc * f, carried + unit, count)
            unit += 8
        }
    }

    @inline(__always)
    static func load(_ at: UnsafePointer<Float>, _ count: Int) -> Vector {
        if count == 8 { return UnsafeRawPointer(at).loadUnaligned(as: Vector.self) }
        var out = Vector(repeating: 0)
        for lane in 0..<count { out[lane] = at[lane] }
        return out
    }

    @inline(__always)
    static func store(_ value: Vector, _ at: UnsafeMutablePointer<Float>, _ count: Int) {
        if count == 8 { return UnsafeMutableRawPointer(at).storeBytes(of: value, as: Vector.self) }
        for lane in 0..<count { at[lane] = value[lane] }
    }
}
