// `node … admin <command>` is the command line of the same image; it loads and starts nothing of the service.
if (process.argv[2] === 'admin') {
  const { runAdmin } = await import('./admin/admin.js')
  await runAdmin(process.argv.slice(3))
} else {
  const { runApi } = await import('./start-api.js')
  await runApi()
}
