// What @platformatic/kafka takes from Node 22, for Node 20. It must be imported before the client.

Promise.withResolvers ??= function () {
  let resolve, reject
  const promise = new Promise((...pair) => { [resolve, reject] = pair })
  return { promise, resolve, reject }
}
