// The point-wise part of each cell: one vector of hidden units of one sequence, forward and backward.
//
// gates: pre-activation vectors a cell takes from u; saved: vectors it keeps for the backward pass.
// memory: whether it has c beside h; split: whether its last gate takes input and recurrence apart;
// threshold: whether the recurrent bias is no summand, but where its function leaves 0.
#pragma once
#include "vector.h"

template <class S> struct Lstm {
  static constexpr int gates = 4, saved = 4;
  static constexpr bool memory = true, split = false, threshold = false;
  // a: pre-activations i f g o; returns h and c, and what the backward pass needs in keep.
  static Vec<S> forward(const Vec<S>* a, Vec<S>, Vec<S>, Vec<S> c_before, Vec<S>& c, Vec<S>* keep) {
    keep[0] = logistic<S>(a[0]);
    keep[1] = logistic<S>(a[1]);
    keep[2] = tangent<S>(a[2]);
    keep[3] = logistic<S>(a[3]);
    c = keep[1] * c_before + keep[0] * keep[2];
    return keep[3] * tangent<S>(c);
  }
  // dh, dc: gradients of h and c; writes those of the pre-activations, returns what flows to c before.
  static Vec<S> backward(const Vec<S>* k, Vec<S> dh, Vec<S> dc, Vec<S>, Vec<S>, Vec<S> c,
                         Vec<S> c_before, Vec<S>* da, Vec<S>&) {
    const Vec<S> t = tangent<S>(c);
    dc += dh * k[3] * (S(1) - t * t);
    da[0] = dc * k[2] * k[0] * (S(1) - k[0]);
    da[1] = dc * c_before * k[1] * (S(1) - k[1]);
    da[2] = dc * k[0] * (S(1) - k[2] * k[2]);
    da[3] = dh * t * k[3] * (S(1) - k[3]);
    return dc * k[1];
  }
};

template <class S> struct Gru {
  static constexpr int gates = 3, saved = 4;
  static constexpr bool memory = false, split = true, threshold = false;
  // a: pre-activations r z and the recurrent part of n; u_n: the input part of n.
  static Vec<S> forward(const Vec<S>* a, Vec<S> u_n, Vec<S> h_before, Vec<S>, Vec<S>&, Vec<S>* keep) {
    keep[0] = logistic<S>(a[0]);
    keep[1] = logistic<S>(a[1]);
    keep[2] = tangent<S>(u_n + keep[0] * a[2]);
    keep[3] = a[2];
    return keep[2] + keep[1] * (h_before - keep[2]);
  }
  // Returns what flows to h before past the product; dn: gradient of the recurrent part of n.
  static Vec<S> backward(const Vec<S>* k, Vec<S> dh, Vec<S> carry, Vec<S>, Vec<S> h_before, Vec<S>,
                         Vec<S>, Vec<S>* da, Vec<S>& dn) {
    dh += carry;
    da[2] = dh * (S(1) - k[1]) * (S(1) - k[2] * k[2]);
    da[1] = dh * (h_before - k[2]) * k[1] * (S(1) - k[1]);
    da[0] = da[2] * k[3] * k[0] * (S(1) - k[0]);
    dn = da[2] * k[0];
    return dh * k[1];
  }
};

template <class S, bool Relu> struct Rnn {
  static constexpr int gates = 1, saved = 0;
  static constexpr bool memory = false, split = false, threshold = false;
  static Vec<S> forward(const Vec<S>* a, Vec<S>, Vec<S>, Vec<S>, Vec<S>&, Vec<S>*) {
    if (Relu) return a[0] < S(0) ? Vec<S>{} : a[0];
    return tangent<S>(a[0]);
  }
  static Vec<S> backward(const Vec<S>*, Vec<S> dh, Vec<S>, Vec<S> h, Vec<S>, Vec<S>, Vec<S>,
                         Vec<S>* da, Vec<S>&) {
    da[0] = Relu ? (h > S(0) ? dh : Vec<S>{}) : dh * (S(1) - h * h);
    return Vec<S>{};
  }
};

template <class S> struct Modrelu {  // h = sign(a) max(|a| + b, 0)
  static constexpr int gates = 1, saved = 0;
  static constexpr bool memory = false, split = false, threshold = true;
  static Vec<S> forward(const Vec<S>* a, Vec<S> b, Vec<S>, Vec<S>, Vec<S>&, Vec<S>*) {
    const Vec<S> x = a[0], size = (x < S(0) ? -x : x) + b, h = x < S(0) ? -size : size;
    return (size <= S(0)) | (x == S(0)) ? Vec<S>{} : h;  // a NaN is neither, and stays
  }
  static Vec<S> backward(const Vec<S>*, Vec<S> dh, Vec<S>, Vec<S> h, Vec<S>, Vec<S>, Vec<S>,
                         Vec<S>* da, Vec<S>&) {
    da[0] = h == S(0) ? Vec<S>{} : dh;
    return Vec<S>{};
  }
};
