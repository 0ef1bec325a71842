/** What every variant of `scripts render` needs, so that all of them can be rendered. */
export const VARIANT_VALUES: Readonly<Record<string, Record<string, string>>> = {
  'aws-elastic-ip': {region: 'eu-west-1', allocation: 'eipalloc-0123456789abcdef0'},
  'aws-private-ip': {region: 'eu-west-1', address: '10.0.0.50'},
  'aws-route': {region: 'eu-west-1', address: '192.168.0.50', table: 'rtb-0123456789abcdef0'},
  'aws-dns': {region: 'eu-west-1', zone: 'Z0123456789ABCDEF', record: 'db.example.com'},
  aurora: {
    writer: 'shop.cluster-x.eu-west-1.rds.amazonaws.com',
    reader: 'shop.cluster-ro-x.eu-west-1.rds.amazonaws.com',
  },
  kubernetes: {writer: 'shop-rw', reader: 'shop-ro'},
  'warm-standby': {archive: '/mnt/archive'},
}
