// Maximum and minimum as every primitive understands them: a NaN on either side gives NaN, so that it can never be
// outvoted by a number.

/// The greater of two numbers; NaN if either is NaN.
@inline(__always)
func larger(_ x: Float, _ y: Float) -> Float { x.isNaN ? x : y.isNaN ? y : x < y ? y : x }

/// The lesser of two numbers; NaN if either is NaN.
@inline(__always)
func smaller(_ x: Float, _ y: Float) -> Float { x.isNaN ? x : y.isNaN ? y : y < x ? y : x }
